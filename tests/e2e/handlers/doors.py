"""doors.py MODE FLAG: an echo server by handoff that says which process answered ("0: hello") and that misbehaves for
as long as the file FLAG exists:
  hoard  process 0 receives doors and never takes them
  deaf   process 0 does not even receive them
  empty  process 0 answers its first doors with a message without a byte
  child  process 0 ends after its first doors, while a child of it keeps the channel open
  linger process 0 lets its sockets linger for an hour, and closes them full before it takes them
  stopping  process 0 wants no more after its first doors
  shy    gives no credit
  late   is not ready (ready: notify)
"""
import os, selectors, signal, socket, struct, sys

mode, flag = sys.argv[1:]
slot = os.environ["PORTIER_PROCESS"]
channel, selector = socket.socket(fileno=int(os.environ["PORTIER_FD"])), selectors.DefaultSelector()
hoarded = []

def misbehaves(wanted):
    return mode == wanted and os.path.exists(flag)

def send(kind, body=b""):
    channel.send(struct.pack("!BBHI", 1, kind, 0, 0) + body)

def notify(text):
    path = os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(text, path)

def receive():
    message, sockets, _, _ = socket.recv_fds(channel, 131072, 64, socket.MSG_CMSG_CLOEXEC)
    if not message or message[1] == 4:
        return selector.unregister(channel)
    last_id = struct.pack("!Q", struct.unpack_from("!Q", message, 8)[0] + len(sockets) - 1)
    if slot == "0" and misbehaves("hoard"):
        return hoarded.extend(sockets)
    if slot == "0" and misbehaves("empty"):
        os.unlink(flag)
        channel.send(b"")
    if slot == "0" and misbehaves("child"):
        os.unlink(flag)
        leave_a_child()
    if slot == "0" and misbehaves("linger"):
        linger(sockets)
    if slot == "0" and misbehaves("stopping"):
        send(5)
    send(2, last_id)
    for guest in (socket.socket(fileno=fd) for fd in sockets):
        selector.register(guest, selectors.EVENT_READ, lambda guest=guest: answer(guest))

def leave_a_child():
    if os.fork():
        os._exit(0)
    os.setsid()  # out of the process group
    while os.path.isdir(os.path.dirname(flag)):  # until the test is over
        signal.sigtimedwait([], 0.05)
    os._exit(0)

def linger(sockets):
    for fd in sockets:
        with socket.socket(fileno=os.dup(fd)) as guest:
            guest.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3600))
            try:
                while True:
                    guest.send(bytes(65536), socket.MSG_DONTWAIT)
            except BlockingIOError:
                pass
        os.close(fd)
    sockets.clear()

def answer(guest):
    try:
        data = guest.recv(4096)
        guest.sendall(slot.encode() + b": " + data if data else b"")
    except OSError:
        data = b""
    if not data:
        selector.unregister(guest)
        guest.close()

def wait_while(wanted):
    while misbehaves(wanted):
        signal.sigtimedwait([], 0.01)

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
selector.register(channel, selectors.EVENT_READ, receive)
wait_while("shy")
send(3, struct.pack("!I", 64))
wait_while("late")
notify(b"READY=1")
while slot == "0" and misbehaves("deaf"):
    signal.sigtimedwait([], 0.01)
while len(selector.get_map()):
    for key, _ in selector.select():
        key.data()
