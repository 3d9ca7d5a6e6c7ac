"""What the tests of the PROXY protocol share: headers, and a port that requires them of 127.0.0.1."""

import socket
import struct

import street

PROXY, STRANGER = "127.0.0.1", "127.0.0.9"
ANNA, BEN = "192.0.2.1", "192.0.2.2"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
REASONS = ("denied", "source_limit", "source_rate", "aborted", "proxy_header", "proxy_timeout")


def v1(client, port=1001):
    return f"PROXY TCP4 {client} 203.0.113.1 {port} 443\r\n".encode()


def v2(client, port=1001):
    addresses = socket.inet_aton(client) + socket.inet_aton("203.0.113.1") + struct.pack("!HH", port, 443)
    return SIGNATURE + b"\x21\x11" + struct.pack("!H", len(addresses)) + addresses


class Proxied(street.Case):
    def open_street(self, proxy=None, handler=None, **options):
        self.port = street.free_port()
        self.key = f"{self.port}/tcp"
        rule = {"from": [f"{PROXY}/32"], **(proxy or {})}
        self.portier = self.street({"records": handler or street.script("records.py", ready="notify")},
                                   {self.key: {"handler": "records", "proxy_protocol": rule, **options}},
                                   router={"log": {"connections": True, "format": "json"}})

    def send(self, data, source=PROXY):
        client = self.client(self.port, source)
        client.sendall(data)
        return client

    def record(self, client):
        """What the handler was told of the connection: client and local address."""
        line = b""
        while not line.endswith(b"\n"):
            line += street.exactly(client, 1)
        return line.decode().split()

    def is_let_in(self, header):
        with self.send(header) as client:
            try:
                return bool(self.record(client))
            except (ConnectionError, EOFError):
                return False

    def is_refused(self, data, source=PROXY):
        with self.client(self.port, source) as client:
            try:
                client.sendall(data)
                return client.recv(1) == b""
            except ConnectionError:
                return True

    def assert_rejected(self, **counts):
        metrics = self.portier.metrics()
        seen = {reason: metrics.of("portier_connections_rejected_total", port=self.key, reason=reason)
                for reason in REASONS}
        self.assertEqual(seen, {**dict.fromkeys(REASONS, 0), **counts})
