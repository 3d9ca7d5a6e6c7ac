"""A spawned program: says on its connection what it was given, and something on stderr. The argument is the number of
the descriptor that is the connection. Then it echoes until the client has said goodbye."""

import contextlib
import json
import os
import socket
import stat
import sys


def kind(number):
    mode = os.fstat(number).st_mode
    if stat.S_ISSOCK(mode):
        return "socket"
    if stat.S_ISFIFO(mode):
        return "pipe"
    return os.readlink(f"/proc/self/fd/{number}")


def descriptors():
    found = {}
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # that with which the folder was read
            found[int(name)] = kind(int(name))
    return found


connection = socket.socket(fileno=int(sys.argv[1]))
shown = {"argv": sys.orig_argv, "environment": dict(os.environ), "descriptors": descriptors(), "pid": os.getpid(),
         "blocking": os.get_blocking(connection.fileno()), "peer": connection.getpeername()[:2],
         "group": os.getpgrp(), "folder": os.getcwd()}
connection.sendall(json.dumps(shown).encode() + b"\n")
os.write(2, b"a word to the log\n")
while data := connection.recv(65536):
    connection.sendall(data)
