"""Real clients for handler tests. Standard library only; every wait is bounded."""

import base64
import hashlib
import os
import socket
import struct

from fake_router import PATIENCE


def tcp(port, receive_buffer=None):
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(PATIENCE)
    client.connect(("127.0.0.1", port))
    return client


def exactly(client, size):
    data = b""
    while len(data) < size:
        more = client.recv(size - len(data))
        if not more:
            raise EOFError(f"the connection ended after {data!r}")
        data += more
    return data


def everything(client):
    """All bytes until the server closes."""
    data = bytearray()
    while more := client.recv(65536):
        data += more
    return bytes(data)


class Lines:
    """A client of a line protocol."""

    def __init__(self, port, **options):
        self.socket = tcp(port, **options)
        self.file = self.socket.makefile("rb")

    def say(self, line):
        self.socket.sendall(line + b"\n")

    def hear(self):
        return self.file.readline().rstrip(b"\n").decode()

    def hear_until(self, wanted):
        """Skips lines until one contains `wanted`, and returns that one."""
        while line := self.file.readline():
            if wanted in line.decode():
                return line.rstrip(b"\n").decode()
        raise EOFError(f"the connection ended before {wanted!r}")

    def ask(self, line):
        self.say(line)
        return self.hear()

    def close(self):
        self.file.close()
        self.socket.close()


class WebSocket:
    """The client's half of RFC 6455, as much as the tests need."""

    def __init__(self, port, path, **options):
        self.socket = tcp(port, **options)
        key = base64.b64encode(os.urandom(16))
        self.socket.sendall(b"GET " + path.encode() + b" HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\n"
                            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                            b"Sec-WebSocket-Key: " + key + b"\r\n\r\n")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += exactly(self.socket, 1)
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        assert head.startswith(b"HTTP/1.1 101 "), head
        assert b"sec-websocket-accept: " + accept.lower() in head.lower(), head

    def receive(self):
        """(opcode, payload) of the next frame."""
        first, second = exactly(self.socket, 2)
        size = second & 0x7f
        if size == 126:
            (size,) = struct.unpack("!H", exactly(self.socket, 2))
        elif size == 127:
            (size,) = struct.unpack("!Q", exactly(self.socket, 8))
        return first & 0x0f, exactly(self.socket, size)

    def hear(self):
        opcode, payload = self.receive()
        assert opcode == 1, (opcode, payload)
        return payload.decode()

    def send(self, opcode, payload):
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        self.socket.sendall(struct.pack("!BB", 0x80 | opcode, 0x80 | len(payload)) + mask + masked)

    def close(self):
        self.socket.close()
