"""PROXY headers and others: haproxy sends them, relays pass them on, and spawned programs find the client in their
environment.
"""

import contextlib
import json
import shutil
import struct
import subprocess

import relays
import street
from proxied import ANNA, Proxied, v1, v2


class OtherDeliveries(Proxied):
    """Relay and spawn see the client as handoff does."""

    def assert_ended(self, received):
        """Once it has ended: the client in the log, and no byte of the header in the count."""
        line = street.wait_until(lambda: self.portier.log_lines(message="connection"), "the line of the connection")[0]
        self.assertEqual((line["client"], line["local"], line["received"]),
                         (f"{ANNA}:1001", "203.0.113.1:443", received))

    def header(self, version, inside):
        """The header that the backend gets, without what it may have beside the addresses."""
        if version == "v1":
            return street.exactly(inside, len(v1(ANNA)))
        begin = street.exactly(inside, 16)
        addresses = street.exactly(inside, struct.unpack("!H", begin[14:])[0])[:12]
        return begin[:14] + struct.pack("!H", len(addresses)) + addresses

    def test_relay(self):
        """What it accepts in one version it passes on in the other, with the client in it."""
        for version, accepted in ("v2", v1(ANNA)), ("v1", v2(ANNA)):
            with self.subTest(version), contextlib.closing(relays.Backend()) as backend:
                self.open_street(handler=relays.relay(backend.port, proxy_protocol=version),
                                 max_connections_per_source=1)
                guest = self.send(accepted + b"hello")
                with backend.accept() as inside:
                    self.assertEqual(self.header(version, inside), {"v1": v1, "v2": v2}[version](ANNA))
                    self.assertEqual(street.exactly(inside, 5), b"hello")
                    inside.sendall(b"welcome")
                    self.assertEqual(street.exactly(guest, 7), b"welcome")
                    self.assertFalse(self.is_let_in(accepted), "anna's only place is taken")
                    guest.close()
                    self.assertEqual(inside.recv(1), b"")
                self.assert_ended(received=5)
                self.assert_rejected(source_limit=1)

    def test_spawn(self):
        styles = ("inetd", 0, "REMOTE_HOST"), ("ucspi", 0, "TCPREMOTEIP"), ("systemd", 3, "REMOTE_ADDR")
        for style, descriptor, name in styles:
            with self.subTest(style):
                self.open_street(handler=street.script("shows.py", str(descriptor), delivery="spawn", style=style))
                guest = self.send(v2(ANNA))
                lines = guest.makefile("rb")
                self.assertEqual(json.loads(lines.readline())["environment"][name], ANNA)
                if style == "inetd":
                    lines.readline()  # its word to the log
                guest.sendall(b"echo\n")
                self.assertEqual(lines.readline(), b"echo\n")
                lines.close()
                guest.close()
                self.assert_ended(received=5)


class Haproxy(Proxied):
    """The real peer, with what it can add to a header."""

    SENDERS = {"v1": "send-proxy", "v2": "send-proxy-v2",
               "all": "send-proxy-v2 proxy-v2-options crc32c,unique-id,authority,ssl"}

    def start_haproxy(self, sender):
        port = street.free_port()
        file = self.folder / f"haproxy{port}.cfg"
        file.write_text(f"""
defaults
  mode tcp
  timeout connect 30s
  timeout client 60s
  timeout server 60s
frontend street
  bind 127.0.0.1:{port}
  unique-id-format %ci:%cp
  default_backend portier
backend portier
  server one 127.0.0.1:{self.port} {self.SENDERS[sender]} check inter 100ms
""")
        haproxy = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin")
        process = subprocess.Popen([haproxy, "-db", "-f", str(file)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

        def listens():
            try:
                street.connect(port).close()
                return True
            except ConnectionRefusedError:
                return False
        street.wait_until(listens, "haproxy listens")
        return port

    def test_haproxy(self):
        for sender in self.SENDERS:
            with self.subTest(sender):
                self.open_street()
                port = self.start_haproxy(sender)
                for number in range(1, 20):
                    guest = self.client(port, f"127.0.1.{number}")
                    address = "%s:%d" % guest.getsockname()
                    self.assertEqual(self.record(guest), [address, f"127.0.0.1:{port}"])
                    self.assertTrue(street.ask(guest))
                counts = self.portier.metrics().all("portier_connections_rejected_total", port=self.key)
                wrong = {key: count for key, count in counts.items() if count and ("reason", "aborted") not in key[1]}
                self.assertEqual(wrong, {}, "its checks come without a header and end at once; nothing else is wrong")


if __name__ == "__main__":
    street.main()
