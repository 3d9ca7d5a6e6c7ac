"""A stand-in for portier in handler tests: speaks the router's half of the handoff contract (handlers/README.md) and
the giver's half of the inherit contract, for one handler process. Standard library only."""

import array
import os
import selectors
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

PATIENCE = 30.0
VERSION, DOORS, TAKEN, CREDIT, DRAIN, STOPPING = 1, 1, 2, 3, 4, 5


def until(condition, what):
    """Polls until condition() is true and returns its value; fails after PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError(f"waited {PATIENCE} s for {what}")


def command_of(program):
    """The command of a built handler; PORTIER_BUILD names the build folder."""
    return [os.path.join(os.environ["PORTIER_BUILD"], "handlers", program)]


def packed(address):
    return socket.inet_aton(address).ljust(16, b"\0")


def door_record(number, connection):
    (local, local_port), (remote, remote_port) = connection.getsockname(), connection.getpeername()
    head = struct.pack("!QBBHHH", number, socket.IPPROTO_TCP, 4, 0, local_port, remote_port)
    return head + packed(local) + packed(remote)


class Handler:
    """One handler process; started by a subclass, which says what it is given."""

    def __init__(self, command, environment, descriptors, limit=None, extra=None):
        self.folder = tempfile.TemporaryDirectory(prefix="portier-handler-")
        notify_path = os.path.join(self.folder.name, "notify")
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(notify_path)
        self.notify.setblocking(False)
        self.states = []
        self.stderr = tempfile.TemporaryFile()
        foreign = ("LISTEN_", "PORTIER_", "NOTIFY_", "WATCHDOG_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        launcher = ["python3", "-c", LAUNCHER, str(limit or 0), *map(str, descriptors), "--", *command]
        given = {**kept, **environment, **(extra or {}), "NOTIFY_SOCKET": notify_path}
        self.process = subprocess.Popen(launcher, env=given, pass_fds=descriptors, stderr=self.stderr)

    def said(self, state):
        """Whether the process sent this sd_notify line."""
        while True:
            try:
                self.states += self.notify.recv(4096).decode().split("\n")
            except BlockingIOError:
                return state in self.states

    def errors(self):
        self.stderr.seek(0)
        return self.stderr.read().decode()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def exit_status(self):
        until(lambda: self.process.poll() is not None, "the handler's end")
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.notify.close()
        self.stderr.close()
        self.folder.cleanup()


# Runs in the child: moves the descriptors to 3, 4, ... as both contracts want them, sets LISTEN_PID, which nobody else
# knows before exec, and becomes the handler.
LAUNCHER = """
import os, resource, sys
limit, split = int(sys.argv[1]), sys.argv.index("--")
given = [os.dup2(int(fd), 100 + i) for i, fd in enumerate(sys.argv[2:split])]
os.closerange(3, 100)
for i, fd in enumerate(given): os.dup2(fd, 3 + i)
os.closerange(3 + len(given), 200)
if "LISTEN_FDS" in os.environ: os.environ["LISTEN_PID"] = str(os.getpid())
if limit: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
os.execvp(sys.argv[split + 1], sys.argv[split + 1:])
"""


class Handoff(Handler):
    """Accepts on a free port of 127.0.0.1 and hands the connections off, within the handler's credit."""

    def __init__(self, command, **options):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.channel, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel.setblocking(False)
        environment = {"PORTIER_FD": "3", "PORTIER_HANDLER": "test", "PORTIER_PROCESS": "0"}
        super().__init__(command, environment, [far.fileno()], **options)
        far.close()
        self.credit, self.sent, self.taken = None, 0, 0
        self.copies = {}          # id -> our copy of an untaken connection
        self.received = []        # (type, value) in order
        self.wrong = []           # breaches of the contract
        self.stopping = self.ended = self.drained = False
        self.stop_serving = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while not self.stop_serving.is_set():
            with selectors.DefaultSelector() as selector:
                if not self.ended:
                    selector.register(self.channel, selectors.EVENT_READ)
                if self.may_send():
                    selector.register(self.listener, selectors.EVENT_READ)
                ready = [key.fileobj for key, _ in selector.select(0.02)]
            if self.channel in ready:
                self.read_messages()
            if self.listener in ready and self.may_send():
                self.hand_off()

    def may_send(self):
        under_way = self.sent - self.taken
        return not (self.ended or self.stopping or self.drained) and self.credit is not None and under_way < self.credit

    def read_messages(self):
        while True:
            try:
                message = self.channel.recv(131072)
            except BlockingIOError:
                return
            except ConnectionResetError:  # said once, when the handler ended with unread doors
                continue
            if not message:
                self.ended = True
                return
            self.understand(message)

    def understand(self, message):
        version, kind, count, zero = struct.unpack_from("!BBHI", message)
        if (version, count, zero) != (VERSION, 0, 0):
            self.wrong.append(message)
        value = 0
        if kind == TAKEN:
            (value,) = struct.unpack("!Q", message[8:])
            if not self.taken < value <= self.sent:
                self.wrong.append(message)
            for number in range(self.taken + 1, value + 1):
                self.copies.pop(number).close()
            self.taken = value
        elif kind == CREDIT:
            (value,) = struct.unpack("!I", message[8:])
            self.credit = value
        elif kind == STOPPING and len(message) == 8:
            self.stopping = True
        else:
            self.wrong.append(message)
        self.received.append((kind, value))

    def hand_off(self):
        batch = []
        for _ in range(min(64, self.credit - (self.sent - self.taken))):
            try:
                connection, _ = self.listener.accept()
            except BlockingIOError:
                break
            connection.setblocking(False)
            batch.append(connection)
        records = b""
        for connection in batch:
            self.sent += 1
            self.copies[self.sent] = connection
            records += door_record(self.sent, connection)
        if batch:
            self.send(DOORS, len(batch), records, batch)

    def send(self, kind, count=0, body=b"", sockets=()):
        fds = array.array("i", [s.fileno() for s in sockets])
        beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)] if fds else []
        self.channel.sendmsg([struct.pack("!BBHI", VERSION, kind, count, 0) + body], beside)

    def drain(self):
        self.drained = True
        self.send(DRAIN)

    def leave(self):
        """portier goes away for good: the handler sees the end of file."""
        self.stop_serving.set()
        self.thread.join()
        self.channel.close()

    def close(self):
        self.stop_serving.set()
        self.thread.join()
        super().close()
        for connection in self.copies.values():
            connection.close()
        self.channel.close()
        self.listener.close()


class Inherit(Handler):
    """Gives the process a TCP listener and a UDP socket on free ports of 127.0.0.1."""

    def __init__(self, command, **options):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("0.0.0.0", 0))
        self.udp_port = self.udp.getsockname()[1]
        environment = {"LISTEN_FDS": "2", "LISTEN_FDNAMES": f"127.0.0.1_{self.port}/tcp:{self.udp_port}/udp",
                       "PORTIER_HANDLER": "test", "PORTIER_PROCESS": "0"}
        super().__init__(command, environment, [self.listener.fileno(), self.udp.fileno()], **options)

    def close(self):
        super().close()
        self.listener.close()
        self.udp.close()
