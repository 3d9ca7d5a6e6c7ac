"""records.py: takes doors and says to each guest what the door's record told of it, as a line "CLIENT LOCAL"; then an
echo. Speaks first, so whatever a proxy put in front of the stream would show.
"""
import os, selectors, signal, socket, struct

channel, selector = socket.socket(fileno=int(os.environ["PORTIER_FD"])), selectors.DefaultSelector()

def send(kind, body=b""):
    channel.send(struct.pack("!BBHI", 1, kind, 0, 0) + body)

def end(family, address, port):
    if family == 4:
        return f"{socket.inet_ntop(socket.AF_INET, address[:4])}:{port}"
    return f"[{socket.inet_ntop(socket.AF_INET6, address)}]:{port}"

def receive():
    message, sockets, _, _ = socket.recv_fds(channel, 131072, 64, socket.MSG_CMSG_CLOEXEC)
    if not message or message[1] == 4:
        return selector.unregister(channel)
    for number, fd in enumerate(sockets):
        door, _, family, _, local_port, port, local, remote = struct.unpack_from("!QBBHHH16s16s", message, 8 + 48 * number)
        guest = socket.socket(fileno=fd)
        selector.register(guest, selectors.EVENT_READ, lambda guest=guest: answer(guest))
        send(2, struct.pack("!Q", door))
        tell(guest, f"{end(family, remote, port)} {end(family, local, local_port)}\n".encode())

def tell(guest, data):
    try:
        guest.sendall(data)
    except OSError:
        pass

def answer(guest):
    try:
        data = guest.recv(4096)
    except OSError:
        data = b""
    if data:
        return tell(guest, data)
    selector.unregister(guest)
    guest.close()

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
selector.register(channel, selectors.EVENT_READ, receive)
send(3, struct.pack("!I", 64))
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
    sender.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))
while len(selector.get_map()):
    for key, _ in selector.select():
        key.data()
