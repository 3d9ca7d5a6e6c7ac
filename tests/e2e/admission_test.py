"""Who is let in: limits, rates and networks. Each refusal is counted with its reason, and each but the networks' is over
when its cause is.
"""

import concurrent.futures
import os
import signal
import socket
import time

import street

REASONS = ("limit", "source_limit", "rate", "source_rate", "denied", "aborted", "error")
ANNA, BEN = "127.0.0.2", "127.0.0.3"


class Admission(street.Case):
    def open_street(self, prefix=(), **options):
        self.port = street.free_port()
        self.key = f"{self.port}/tcp"
        self.portier = self.street({"echo": street.handler("echo", processes=2)},
                                   {self.key: {"handler": "echo", **options}}, start=False)
        self.portier.start(prefix)

    def served(self, source=None, **place):
        """A connection that is served."""
        client = self.client(self.port, source, **place)
        self.assertTrue(street.ask(client))
        return client

    def refusal(self, source=None, **place):
        """How a connection is refused. It says nothing, because closing with unread data would always be a reset."""
        try:
            client = self.client(self.port, source, **place)  # a reset may come that early
            self.assertEqual(client.recv(1), b"")
            return "close"
        except ConnectionResetError:
            return "reset"

    def enter(self, source=None):
        """A connection that is served, or None: tries once."""
        try:
            return self.served(source)
        except (ConnectionError, EOFError):
            return None

    def is_served(self, source=None):
        """Comes, and goes again."""
        guest = self.enter(source)
        if guest:
            guest.close()
        return guest is not None

    def assert_rejected(self, **counts):
        metrics = self.portier.metrics()
        seen = {reason: metrics.of("portier_connections_rejected_total", port=self.key, reason=reason)
                for reason in REASONS}
        self.assertEqual(seen, {**dict.fromkeys(REASONS, 0), **counts})

    def wait_active(self, count):
        self.portier.wait_metric(count, "portier_connections_active", port=self.key)


class MaxConnections(Admission):
    def test_wait(self):
        self.open_street(max_connections=3)
        guests = [self.served() for _ in range(3)]
        waiting = [self.client(self.port) for _ in range(5)]
        self.portier.wait_metric(5, "portier_accept_queue_length", port=self.key)
        metrics = self.portier.metrics()
        self.assertEqual(metrics.of("portier_connections_accepted_total", port=self.key), 3)
        self.assertEqual(metrics.of("portier_connections_limit", port=self.key), 3)
        for guest, next_one in zip(guests + waiting, waiting):  # one leaves, one comes in
            guest.close()
            self.assertTrue(street.ask(next_one))
            self.assertLessEqual(self.portier.metric("portier_connections_active", port=self.key), 3)
        self.assert_rejected()

    def test_reset_and_close(self):
        for manner in "reset", "close":
            with self.subTest(over_limit=manner):
                self.open_street(max_connections=3, over_limit=manner)
                guests = [self.served() for _ in range(3)]
                self.assertEqual([self.refusal() for _ in range(4)], [manner] * 4)
                self.assert_rejected(limit=4)
                for guest in guests:
                    self.assertTrue(street.ask(guest), "who is inside stays")
                guests.pop().close()
                self.wait_active(2)
                guests.append(self.served())
                self.assertEqual(self.refusal(), manner)
                self.assert_rejected(limit=5)

    def test_all_at_once_never_exceed_it(self):
        self.open_street(max_connections=10, over_limit="reset")
        with concurrent.futures.ThreadPoolExecutor(50) as crowd:
            inside = [guest for guest in crowd.map(lambda _: self.enter(), range(200)) if guest]
        self.assertEqual(len(inside), 10)
        self.assert_rejected(limit=190)


class Networks(Admission):
    def test_deny(self):
        self.open_street(deny=[f"{ANNA}/32", "127.9.0.0/16"])
        self.served()
        self.served(BEN)
        for source in (ANNA, "127.9.0.1", "127.9.255.254"):
            self.assertEqual(self.refusal(source), "close")
        self.served("127.8.255.255")
        self.assert_rejected(denied=3)

    def test_allow_refuses_everybody_else(self):
        self.open_street(allow=[f"{ANNA}/32"], over_limit="reset")
        self.served(ANNA)
        self.assertEqual([self.refusal(), self.refusal(BEN), self.refusal(host="::1")], ["reset"] * 3)
        self.assert_rejected(denied=3)

    def test_deny_comes_first(self):
        self.open_street(allow=["127.0.0.0/8", "::1/128"], deny=[f"{ANNA}/32"])
        self.served(BEN)
        self.served(host="::1")
        self.assertEqual(self.refusal(ANNA), "close")
        self.assert_rejected(denied=1)

    def test_a_reload_changes_them(self):
        self.open_street(deny=[f"{ANNA}/32"])
        inside = self.served(BEN)
        self.assertEqual(self.refusal(ANNA), "close")
        self.portier.config["ports"][self.key]["deny"] = [f"{BEN}/32"]
        self.portier.write()
        self.assertEqual(self.portier.command("reload").returncode, 0)
        self.served(ANNA)
        self.assertEqual(self.refusal(BEN), "close")
        self.assertTrue(street.ask(inside), "who is inside stays")
        self.assert_rejected(denied=2)


class Rates(Admission):
    def test_wait(self):
        """Everybody is served, no faster than the rate."""
        self.open_street(accept_rate="10/s")
        begin = time.monotonic()
        clients = [self.client(self.port) for _ in range(30)]
        for client in clients:
            self.assertTrue(street.ask(client))
        self.assertGreaterEqual(time.monotonic() - begin, 2)  # ten at once, the others one by one
        self.assert_rejected()

    def test_reset_and_close(self):
        for manner in "reset", "close":
            with self.subTest(over_limit=manner):
                self.open_street(accept_rate="3/h", over_limit=manner)
                for _ in range(3):
                    self.served()
                self.assertEqual([self.refusal(), self.refusal(ANNA)], [manner] * 2)
                self.assert_rejected(rate=2)

    def test_each_source_has_its_own(self):
        self.open_street(accept_rate_per_source="2/h")
        for source in (ANNA, BEN):
            for _ in range(2):
                self.served(source).close()
            self.assertEqual(self.refusal(source), "close")
        self.assert_rejected(source_rate=2)

    def test_they_are_temporary(self):
        for option in "accept_rate", "accept_rate_per_source":
            with self.subTest(option=option):
                self.open_street(**{option: "2/s"}, over_limit="close")
                street.wait_until(lambda: not self.is_served(ANNA), "the rate is exceeded")
                street.wait_until(lambda: self.is_served(ANNA), "the source is served again")


class SourceLimit(Admission):
    def test_one_source_does_not_take_the_place_of_others(self):
        for manner in "wait", "reset", "close":  # it is never made to wait: others stand behind it in the same queue
            with self.subTest(over_limit=manner):
                self.open_street(max_connections_per_source=2, over_limit=manner)
                inside = {source: [self.served(source), self.served(source)] for source in (ANNA, BEN)}
                how = "reset" if manner == "reset" else "close"
                self.assertEqual([self.refusal(ANNA), self.refusal(BEN)], [how] * 2)
                self.assert_rejected(source_limit=2)
                inside[ANNA].pop().close()
                self.wait_active(3)
                street.wait_until(lambda: self.is_served(ANNA), "one of anna's places is free again")
                self.assertEqual(self.refusal(BEN), how)

    def test_ipv6_sources_are_counted_apart(self):
        self.open_street(max_connections_per_source=1)
        self.served()
        self.served(host="::1")
        self.assertEqual([self.refusal(), self.refusal(host="::1")], ["close"] * 2)
        self.assert_rejected(source_limit=2)

    def test_it_outlives_the_router(self):
        self.open_street(max_connections_per_source=2, over_limit="reset")
        inside = [self.served(ANNA), self.served(ANNA)]
        self.wait_active(2)
        os.kill(self.portier.router_pid(), signal.SIGKILL)
        # A new router counts who is inside in its first second; until then it is generous.
        street.wait_until(lambda: not self.is_served(ANNA), "anna has no place left")
        self.assertTrue(self.is_served(BEN))
        inside.pop().close()
        street.wait_until(lambda: self.is_served(ANNA), "anna has a place again")

    def test_it_does_not_wear_out_without_the_kernels_events(self):
        """The ends are found by dumps then."""
        self.open_street(prefix=(street.PYTHON, "-I", street.HERE / "without_events.py"), max_connections_per_source=2)
        for turn in range(3):
            for place in "first", "second":
                street.wait_until(lambda: self.is_served(ANNA), f"anna's {place} place in turn {turn}")

    def test_it_does_not_wear_out(self):
        """However often a source comes and goes, and however its connections end, it keeps its places."""
        self.open_street(max_connections_per_source=4)
        for turn in range(25):
            clients = [self.served(ANNA) for _ in range(4)]
            for number, client in enumerate(clients):
                if number % 2:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                client.close()
            self.wait_active(0)
            street.wait_until(lambda: self.is_served(ANNA), f"anna is served after turn {turn}")
            self.wait_active(0)


if __name__ == "__main__":
    street.main()
