"""Tells the time to the one client that it was started for, as a unit of systemd with Accept=yes would."""

import os
import socket
import time

if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
    raise SystemExit("to be started for a connection: see spawn-systemd.yaml")
client = socket.socket(fileno=3)
client.sendall(f"it is {time.strftime('%H:%M:%S')}\n".encode())
print("told the time to", os.environ["REMOTE_ADDR"], "port", os.environ["REMOTE_PORT"], flush=True)
