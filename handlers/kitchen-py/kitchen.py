#!/usr/bin/env python3
"""kitchen.py --menu veg|non-veg: the handoff contract of handlers/README.md with nothing but Python."""
import contextlib, os, resource, selectors, signal, socket, struct, sys
MENUS = {"veg": "dosa idli paneer samosa thali", "non-veg": "biryani fish-curry keema kebab omelette"}
DOORS, TAKEN, CREDIT, DRAIN, STOPPING = 1, 2, 3, 4, 5
if "PORTIER_FD" not in os.environ: sys.exit("kitchen.py is started by portier, for a handler with delivery: handoff")
kind, other = ("veg", "non-veg") if sys.argv[1:] == ["--menu", "veg"] else ("non-veg", "veg")
channel, selector, guests = socket.socket(fileno=int(os.environ["PORTIER_FD"])), selectors.DefaultSelector(), {}
room, window, drained = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 32, None, False

def send(message_type, body=b""):  # when portier is gone, nobody has to hear it
    with contextlib.suppress(ConnectionError): channel.send(struct.pack("!BBHI", 1, message_type, 0, 0) + body)
def offer():
    global window
    if window != (window := max(0, min(64, room - len(guests)))): send(CREDIT, struct.pack("!I", window))

def receive(_):
    global drained
    message, sockets, flags, _ = socket.recv_fds(channel, 131072, 64, socket.MSG_CMSG_CLOEXEC)
    if message and message[0] != 1 or flags & socket.MSG_CTRUNC: sys.exit("kitchen.py: wrong version, or lost sockets")
    drained = not message or message[1] == DRAIN
    if drained: return selector.unregister(channel)
    if message[1] != DOORS: return
    for guest in (socket.socket(fileno=fd) for fd in sockets):
        guests[guest] = b""  # the line that it has begun
        selector.register(guest, selectors.EVENT_READ, read)
    offer()  # a smaller window must leave before the acknowledgement
    send(TAKEN, struct.pack("!Q", struct.unpack_from("!Q", message, 8)[0] + len(sockets) - 1))

def read(guest):
    try:
        data = guest.recv(4096)
        *lines, guests[guest] = (guests[guest] + data).split(b"\n")
        for words in (line.decode(errors="replace").split() for line in lines):
            guest.sendall(reply(words).encode())
            if words == ["bye"]: data = b""
        if data and len(guests[guest]) <= 512: return
    except OSError: pass  # gone, or does not fetch the replies
    selector.unregister(guest)  # before close: portier may hold its copy for a moment
    guests.pop(guest)
    guest.close()
    offer()

def reply(words):
    dish = " ".join(words[1:])
    if words == ["menu"]: return f"today in the {kind} kitchen: {MENUS[kind]}\n"
    if words == ["bye"]: return "thank you, come again\n"
    if words[:1] != ["order"] or not dish: return "please say: order NAME, menu, or bye\n"
    if dish in MENUS[kind].split(): return f"here is your {dish}, enjoy\n"
    if dish not in MENUS[other].split(): return f"sorry, we do not cook {ascii(dish)}: ask for the menu\n"
    return f"sorry, this is the {kind} kitchen: for {dish} please go to the {other} house\n"

signal.signal(signal.SIGTERM, lambda *_: (send(STOPPING), sys.exit(0)))
selector.register(channel, selectors.EVENT_READ, receive)
offer()  # the first message: doors come from now on
if path := os.environ.get("NOTIFY_SOCKET"):
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", path.replace("@", "\0", 1))
while guests or not drained:
    for key, _ in selector.select():
        with contextlib.suppress(ConnectionResetError): key.data(key.fileobj)  # the channel says so once, then goes on
