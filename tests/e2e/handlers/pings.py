"""pings.py FLAG: is ready, and feeds the watchdog for as long as the file FLAG does not exist."""
import os, signal, socket, sys

interval = int(os.environ["WATCHDOG_USEC"]) / 1e6 / 4
path = os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1)
sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sender.sendto(b"READY=1\nSTATUS=feeding", path)
while not os.path.exists(sys.argv[1]):
    sender.sendto(b"WATCHDOG=1", path)
    signal.sigtimedwait([], interval)
signal.pause()
