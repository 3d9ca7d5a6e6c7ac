"""A program for inetd's `wait`: its standard input is the socket itself. It answers whoever comes with its own pid and
what was said, and ends when nobody came for the time in its argument (seconds)."""

import os
import select
import socket
import sys

own = socket.socket(fileno=0)
assert os.get_blocking(0) and os.path.sameopenfile(0, 1) and os.path.sameopenfile(0, 2), "as inetd gives it"
assert "LISTEN_FDS" not in os.environ


def answer(said):
    return b"%d %s" % (os.getpid(), said)


while select.select([own], [], [], float(sys.argv[1]))[0]:
    if own.type == socket.SOCK_DGRAM:
        said, client = own.recvfrom(65536)
        own.sendto(answer(said), client)
    else:
        with own.accept()[0] as connection:
            connection.sendall(answer(connection.recv(65536)))
