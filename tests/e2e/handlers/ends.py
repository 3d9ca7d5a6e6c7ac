"""ends.py: by handoff or inherit, ends each connection as its client asks with the first byte:
  e  echoes what follows until the client closes
  c  sends 100 bytes and closes
  u  closes although something is unread (what came with the first byte)
  r  closes with a reset (SO_LINGER 0)
"""
import os, selectors, signal, socket, struct

selector = selectors.DefaultSelector()

def begin(guest):
    guest.setblocking(False)
    selector.register(guest, selectors.EVENT_READ, first)

def end(guest):
    selector.unregister(guest)
    guest.close()

def first(guest):
    order = guest.recv(1)
    if order == b"e":
        selector.modify(guest, selectors.EVENT_READ, echo)
        return
    if order == b"c":
        guest.sendall(bytes(100))
    if order == b"r":
        guest.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end(guest)

def echo(guest):
    try:
        data = guest.recv(65536)
    except ConnectionResetError:
        data = b""
    guest.sendall(data) if data else end(guest)

def receive(channel):
    message, sockets, _, _ = socket.recv_fds(channel, 131072, 64, socket.MSG_CMSG_CLOEXEC)
    if not message or message[1] == 4:
        os._exit(0)
    channel.send(struct.pack("!BBHIQ", 1, 2, 0, 0, struct.unpack_from("!Q", message, 8)[0] + len(sockets) - 1))
    for fd in sockets:
        begin(socket.socket(fileno=fd))

def accept(listener):
    try:
        guest, _ = listener.accept()
    except BlockingIOError:
        return  # another process was faster
    begin(guest)

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
if "PORTIER_FD" in os.environ:
    channel = socket.socket(fileno=int(os.environ["PORTIER_FD"]))
    selector.register(channel, selectors.EVENT_READ, receive)
    channel.send(struct.pack("!BBHII", 1, 3, 0, 0, 64))
else:
    listener = socket.socket(fileno=3)
    listener.setblocking(False)
    selector.register(listener, selectors.EVENT_READ, accept)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
    sender.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))
while True:
    for key, _ in selector.select():
        key.data(key.fileobj)
