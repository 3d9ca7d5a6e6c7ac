"""datagrams.py [FLAG]: by inherit over UDP, answers every datagram with its slot and process id, "0 4711 hello"; while
the file FLAG exists it reads nothing.
"""
import os, select, signal, socket, sys

count = int(os.environ["LISTEN_FDS"])
sockets = [socket.socket(fileno=number) for number in range(3, 3 + count)]
name = f"{os.environ['PORTIER_PROCESS']} {os.getpid()} ".encode()
while sys.argv[1:] and os.path.exists(sys.argv[1]):
    signal.sigtimedwait([], 0.01)
while True:
    for ready in select.select(sockets, [], [])[0]:
        data, client = ready.recvfrom(65536)
        ready.sendto(name + data, client)
