"""What the tests of the relay share: a backend that is a socket of the test, so that both ends of a relayed connection
are in one hand, byte by byte."""

import contextlib
import socket
import struct

import street
from street import PATIENCE, exactly


def relay(*backends, **keys):
    """A handler that relays to these ports of 127.0.0.1 or paths."""
    connect = [backend if isinstance(backend, (dict, str)) else f"127.0.0.1:{backend}" for backend in backends]
    return {"delivery": "relay", "connect": connect, **keys}


class Backend:
    """Listens on a port of its own, or on a path; accepts when it is told to."""

    def __init__(self, path=None, port=0, host="127.0.0.1", backlog=1024):
        if path is None:
            self.listener = socket.create_server((host, port), backlog=backlog)
            self.port = self.listener.getsockname()[1]
        else:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(path))
            self.listener.listen(backlog)
        self.listener.settimeout(PATIENCE)

    def accept(self):
        connection, _ = self.listener.accept()
        connection.settimeout(PATIENCE)
        return connection

    def close(self):
        self.listener.close()


def reset(end):
    """close(2) with a RST."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


def read_to_end(end):
    """Everything up to the end, and how it ended: "fin" or "rst"."""
    data = bytearray()
    try:
        while more := end.recv(65536):
            data += more
    except ConnectionResetError:
        return bytes(data), "rst"
    return bytes(data), "fin"


class RelayCase(street.Case):
    """One port that relays to one backend, unless a test wants another street."""

    port_keys = {}

    def setUp(self):
        super().setUp()
        self.backend = self.new_backend()

    def new_backend(self, *arguments, **keys):
        backend = Backend(*arguments, **keys)
        self.addCleanup(backend.close)
        return backend

    def relayed(self, *backends, router=None, port_keys=None, **keys):
        """The street; its port is self.port."""
        self.port = street.free_port()
        ports = {f"127.0.0.1:{self.port}/tcp": {"handler": "far", **(port_keys or {})}}
        return self.street({"far": relay(*(backends or [self.backend.port]), **keys)}, ports, router)

    def pair(self, backend=None):
        """Both ends of a relayed connection; the test closes them."""
        client = self.client(self.port)
        far = (backend or self.backend).accept()
        self.addCleanup(far.close)
        return client, far

    def assert_relayed(self, client, far):
        """Bytes go through both ways."""
        for source, sink in ((client, far), (far, client)):
            source.sendall(b"there and back")
            self.assertEqual(exactly(sink, 14), b"there and back")

    def closed(self, reason):
        """How many connections ended so."""
        return self.streets[-1].metrics().total("portier_connections_closed_total", reason=reason)

    def wait_closed(self, reason, count=1):
        seen = []
        with contextlib.suppress(AssertionError):
            return street.wait_until(lambda: seen.append(self.closed(reason)) or seen[-1] == count, "")
        raise AssertionError(f"{reason}: {seen[-1]} and not {count}")
