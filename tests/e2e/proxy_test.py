"""Ports whose connections come through a proxy that says who the client is: a PROXY header, required from the sources
that the port names; everybody else is refused.
"""

import concurrent.futures
import os
import signal
import socket
import struct
import time

import street
from proxied import ANNA, BEN, PROXY, SIGNATURE, STRANGER, Proxied, v1, v2


class Records(Proxied):
    def test_the_handler_sees_the_client_and_not_the_header(self):
        self.open_street()
        mixed = (socket.inet_pton(socket.AF_INET6, "2001:db8::1") + socket.inet_pton(socket.AF_INET6, f"::ffff:{BEN}") +
                 struct.pack("!HH", 7, 8))
        for header, client, local in (
                (v1(ANNA), f"{ANNA}:1001", "203.0.113.1:443"),
                (v2(BEN, 2), f"{BEN}:2", "203.0.113.1:443"),
                (b"PROXY TCP6 2001:db8::1 2001:db8::2 3 4\r\n", "[2001:db8::1]:3", "[2001:db8::2]:4"),
                (SIGNATURE + b"\x21\x21\0\x24" + mixed, "[2001:db8::1]:7", f"[::ffff:{BEN}]:8")):
            for data in b"", b"\r\nhello", v1(BEN):
                with self.subTest(client=client, data=data):
                    guest = self.send(header + data)
                    self.assertEqual(self.record(guest), [client, local])
                    self.assertEqual(street.exactly(guest, len(data)), data)
                    self.assertTrue(street.ask(guest))
        self.assert_rejected()

    def test_without_an_address_it_is_the_socket(self):
        self.open_street()
        for header in b"PROXY UNKNOWN\r\n", SIGNATURE + b"\x20\0\0\0", SIGNATURE + b"\x20\0\0\3abc":
            guest = self.send(header)
            own = "%s:%d" % guest.getsockname()
            self.assertEqual(self.record(guest), [own, f"127.0.0.1:{self.port}"])

    def test_in_pieces(self):
        self.open_street()
        for header in v1(ANNA), v2(ANNA):
            guest = self.client(self.port)
            guest.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in header:
                guest.sendall(bytes([byte]))
                time.sleep(0.001)  # that pieces are pieces
            guest.sendall(b"x")
            self.assertEqual(self.record(guest)[0], f"{ANNA}:1001")
            self.assertEqual(street.exactly(guest, 1), b"x")

    def test_many_at_once(self):
        self.open_street()

        def visit(number):
            with self.send((v1, v2)[number % 2](f"198.51.100.{number % 200 + 1}", number + 1)) as guest:
                return self.record(guest)[0] == f"198.51.100.{number % 200 + 1}:{number + 1}" and street.ask(guest)
        with concurrent.futures.ThreadPoolExecutor(20) as crowd:
            self.assertTrue(all(crowd.map(visit, range(500))))
        self.portier.wait_metric(0, "portier_connections_active", port=self.key)
        self.assert_rejected()

    def test_the_log_tells_the_client(self):
        self.open_street()
        guest = self.send(v1(ANNA))
        self.record(guest)
        guest.close()
        line = street.wait_until(lambda: self.portier.log_lines(message="connection"), "the line of the connection")[0]
        self.assertEqual((line["client"], line["local"]), (f"{ANNA}:1001", "203.0.113.1:443"))


class Refusals(Proxied):
    def test_strangers(self):
        """With a header, without one, silent or not."""
        self.open_street()
        for data in v1(ANNA), v2(ANNA), b"hello", b"":
            self.assertTrue(self.is_refused(data, STRANGER))
        self.assert_rejected(denied=4)
        self.assertEqual(self.record(self.send(v1(ANNA)))[0], f"{ANNA}:1001")

    def test_malformed(self):
        self.open_street()
        headers = (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", v1("01.2.3.4"),
                   b"PROXY " + b"x" * 200, SIGNATURE + b"\x31\x11\0\0", SIGNATURE + b"\x21\x11\xff\xff",
                   v2(ANNA)[:13] + b"\x99")
        for header in headers:
            with self.subTest(header=header):
                self.assertTrue(self.is_refused(header))
        self.assert_rejected(proxy_header=len(headers))
        self.assertIn("PROXY header", self.portier.log())

    def test_late(self):
        """Whoever is slow is refused at the timeout, however busy he is, and holds up nobody."""
        self.open_street(proxy={"timeout": "1s"})
        begin = time.monotonic()
        silent = [self.client(self.port) for _ in range(50)]
        half = [self.send(v1(ANNA)[:-1]) for _ in range(50)]
        self.assertEqual(self.record(self.send(v1(BEN)))[0], f"{BEN}:1001")
        for guest in silent + half:
            with self.assertRaises((ConnectionError, EOFError)):
                street.exactly(guest, 1)
        self.assertGreaterEqual(time.monotonic() - begin, 1)
        self.assert_rejected(proxy_timeout=100)

    def test_ended(self):
        self.open_street()
        for _ in range(3):
            self.client(self.port).close()
            self.send(v2(ANNA)[:20]).close()
            reset = self.client(self.port)
            reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            reset.close()
        street.wait_until(lambda: self.portier.metric("portier_connections_rejected_total", port=self.key,
                                                      reason="aborted") == 9, "all are counted")

    def test_a_part_of_a_header_costs_no_time(self):
        self.open_street(proxy={"timeout": "1h"})
        guests = [self.send(v1(ANNA)[:20]) for _ in range(100)]
        self.assertEqual(self.record(self.send(v1(BEN)))[0], f"{BEN}:1001")

        def cpu():
            with open(f"/proc/{self.portier.router_pid()}/stat", encoding="ascii") as stat:
                return sum(map(int, stat.read().rsplit(") ", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")
        before = cpu()
        time.sleep(1)  # a second of waiting is what is measured
        self.assertLess(cpu() - before, 0.3)
        for guest in guests:
            guest.sendall(v1(ANNA)[20:])
            self.assertEqual(self.record(guest)[0], f"{ANNA}:1001")


class Admission(Proxied):
    def test_networks_and_limits_are_the_clients(self):
        self.open_street(deny=["192.0.2.66/32", f"{PROXY}/32"], max_connections_per_source=2)
        self.assertFalse(self.is_let_in(v1("192.0.2.66")))
        for turn in range(10):  # and the places come back
            inside = [self.send(v2(ANNA)), self.send(v1(ANNA)), self.send(v1(BEN))]
            for guest in inside:
                self.record(guest)
            self.assertFalse(self.is_let_in(v1(ANNA)))
            self.assert_rejected(denied=1, source_limit=turn + 1)
            for guest in inside:
                guest.close()
            self.portier.wait_metric(0, "portier_connections_active", port=self.key)

    def test_limits_outlive_the_router(self):
        self.open_street(max_connections_per_source=2)
        inside = [self.send(v1(ANNA)), self.send(v1(ANNA))]
        for guest in inside:
            self.record(guest)
        self.portier.wait_metric(2, "portier_connections_active", port=self.key)
        os.kill(self.portier.router_pid(), signal.SIGKILL)
        street.wait_until(lambda: not self.is_let_in(v1(ANNA)), "anna has no place left")
        self.assertTrue(self.is_let_in(v1(BEN)))
        inside.pop().close()
        street.wait_until(lambda: self.is_let_in(v1(ANNA)), "anna has a place again")
        inside.pop().close()
        line = street.wait_until(lambda: self.portier.log_lines(message="connection", client=f"{ANNA}:1001"),
                                 "the log knows anna still")
        self.assertTrue(line)

    def test_reload(self):
        """Who waits goes on waiting when the port stays, and is refused when it goes."""
        self.open_street(proxy={"timeout": "1h"})
        waiting, other = self.send(v1(ANNA)[:9]), self.send(v1(ANNA)[:9])
        self.portier.config["ports"][self.key]["max_connections"] = 100
        self.portier.write()
        self.assertEqual(self.portier.command("reload").returncode, 0)
        waiting.sendall(v1(ANNA)[9:])
        self.assertEqual(self.record(waiting)[0], f"{ANNA}:1001")
        self.portier.config["ports"] = {f"{street.free_port()}/tcp": "records"}
        self.portier.write()
        self.assertEqual(self.portier.command("reload").returncode, 0)
        with self.assertRaises((ConnectionError, EOFError)):
            street.exactly(other, 1)
        self.assertTrue(street.ask(waiting), "who is inside stays")


if __name__ == "__main__":
    street.main()
