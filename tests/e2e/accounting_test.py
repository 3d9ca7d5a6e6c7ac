"""Connections are counted by the kernel's word: how many are open where, who ended each, how many bytes went which way;
for programs that know nothing of it, whether they are handed connections or accept for themselves.
"""

import os
import pwd
import shutil
import signal
import socket
import struct

import kernel
import street

DELIVERIES = ("handoff", "inherit")
EACH = 20


class Accounting(street.Case):
    def open_street(self, delivery, processes=1, router=None):
        self.port = street.free_port()
        self.key = f"127.0.0.1:{self.port}/tcp"
        ends = street.script("ends.py", delivery=delivery, processes=processes, ready="notify")
        self.portier = self.street({"ends": ends}, {self.key: "ends"}, router)

    def closed(self):
        """How many connections have ended for each reason, without the zeros."""
        reasons = self.portier.metrics().all("portier_connections_closed_total", port=self.key)
        return {dict(labels)["reason"]: count for labels, count in reasons.items() if count}

    def wait_closed(self, reason, count):
        street.wait_until(lambda: sum(self.closed().values()) >= count, f"{count} connections have ended")
        self.assertEqual(self.closed(), {reason: count})
        self.portier.wait_metric(0, "portier_connections_active", port=self.key)

    def bytes(self):
        metrics = self.portier.metrics()
        return (metrics.of("portier_received_bytes_total", port=self.key),
                metrics.of("portier_sent_bytes_total", port=self.key))


class Reasons(Accounting):
    def each(self, end, reason, received=None, sent=None):
        """`end` ends a connection; all of them count for the reason and as many bytes each. None: unknown."""
        for delivery in DELIVERIES:
            with self.subTest(delivery):
                self.open_street(delivery)
                for number in range(EACH):
                    with self.client(self.port) as client:
                        end(client, number)
                self.wait_closed(reason, EACH)
                self.portier.wait_metric(EACH, "portier_connections_accepted_total", port=self.key)
                if received is not None:
                    self.assertEqual(self.bytes(), (sum(map(received, range(EACH))), sum(map(sent, range(EACH)))))
                self.assertEqual(self.portier.metric("portier_connection_duration_seconds_count", port=self.key), EACH)

    def echo(self, client, number):
        size = 1 + 1000 * number
        client.sendall(b"e" + bytes(size))
        self.assertEqual(street.exactly(client, size), bytes(size))

    def test_the_client_closes(self):
        self.each(self.echo, "client_close", lambda n: 2 + 1000 * n, lambda n: 1 + 1000 * n)

    def test_the_client_closes_half_and_waits(self):
        def end(client, number):
            self.echo(client, number)
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(client.recv(1), b"")
        self.each(end, "client_close", lambda n: 2 + 1000 * n, lambda n: 1 + 1000 * n)

    def test_the_handler_closes(self):
        def end(client, _):
            client.sendall(b"c")
            street.exactly(client, 100)
            self.assertEqual(client.recv(1), b"")
        self.each(end, "handler_close", lambda n: 1, lambda n: 100)

    def test_the_client_resets(self):
        def end(client, number):
            self.echo(client, number)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.each(end, "client_reset", lambda n: 2 + 1000 * n, lambda n: 1 + 1000 * n)

    def test_the_handler_resets(self):
        def end(client, _):
            client.sendall(b"r")
            self.assertRaises(ConnectionResetError, client.recv, 1)
        self.each(end, "handler_reset")

    def test_the_handler_closes_with_something_unread(self):
        def end(client, _):
            client.sendall(b"u and more")
            self.assertRaises(ConnectionResetError, client.recv, 1)
        self.each(end, "handler_reset")

    def test_guests_that_say_nothing(self):
        self.each(lambda client, number: None, "client_close", lambda n: 0, lambda n: 0)

    def test_much_at_once(self):
        """The sums are those of the load generator, to the byte."""
        for delivery in DELIVERIES:
            with self.subTest(delivery):
                port = street.free_port()
                key = f"{port}/tcp"
                portier = self.street({"echo": street.handler("echo", delivery=delivery, processes=2)}, {key: "echo"})
                load = self.guests("crr", port, "--concurrency", 32, "--size", 777)
                street.wait_until(lambda: portier.metric("portier_connections_accepted_total", port=key) > 2000,
                                  "2000 connections")
                report = load.finish()
                self.assert_no_failures(report)
                portier.wait_metric(report["connections"], "portier_connections_closed_total", port=key,
                                    reason="client_close")
                metrics = portier.metrics()
                self.assertEqual(metrics.of("portier_connections_accepted_total", port=key), report["connections"])
                self.assertEqual(metrics.of("portier_received_bytes_total", port=key), report["sent_bytes"])
                self.assertEqual(metrics.of("portier_sent_bytes_total", port=key), report["received_bytes"])
                portier.wait_metric(0, "portier_connections_active", port=key)


class Active(Accounting):
    def descriptors(self):
        return {slot: len(kernel.descriptors(pid)) for slot, pid in self.portier.pids("ends").items()}

    def test_per_port_and_per_process(self):
        """What the metric says of each process is what is in its table of descriptors."""
        for delivery in DELIVERIES:
            with self.subTest(delivery):
                self.open_street(delivery, processes=3)
                before = self.descriptors()
                clients = [self.client(self.port) for _ in range(60)]
                for client in clients:
                    client.sendall(b"e.")
                    street.exactly(client, 1)
                for gone in (0, 15, 45):
                    for client in clients[:gone]:
                        client.close()
                    self.portier.wait_metric(len(clients) - gone, "portier_connections_active", port=self.key)

                    def agrees():
                        metrics = self.portier.metrics()
                        return all(metrics.of("portier_handler_connections_active", handler="ends", process=str(slot))
                                   == count - before[slot] for slot, count in self.descriptors().items())
                    street.wait_until(agrees, "each process has what the metrics say")
                for client in clients:
                    client.close()
                self.portier.wait_metric(0, "portier_connections_active", port=self.key)


class Lines(Accounting):
    FIELDS = {"port", "handler", "process", "delivery", "client", "local", "backend", "received", "sent", "duration",
              "reason"}

    def test_one_line_for_each_connection(self):
        for delivery in DELIVERIES:
            with self.subTest(delivery):
                self.open_street(delivery, router={"log": {"connections": True}})
                with self.client(self.port) as client:
                    client.sendall(b"c")
                    street.exactly(client, 100)
                    self.assertEqual(client.recv(1), b"")
                    own = "%s:%d" % client.getsockname()
                street.wait_until(lambda: self.portier.log_lines(message="connection"), "the line")
                (line,) = self.portier.log_lines(message="connection")
                self.assertLessEqual(self.FIELDS, line.keys())
                expected = {"port": self.key, "handler": "ends", "process": 0, "delivery": delivery, "client": own,
                            "local": f"127.0.0.1:{self.port}", "received": 1, "sent": 100, "reason": "handler_close",
                            "role": "router", "level": "info"}
                self.assertEqual({**line, **expected}, line)
                self.assertGreaterEqual(line["duration"], 0)

    def test_as_text(self):
        self.open_street("handoff", router={"log": {"connections": True, "format": "text"}})
        with self.client(self.port) as client:
            client.sendall(b"c")
            street.exactly(client, 100)
        wanted = f"connection port={self.key} handler=ends process=0 delivery=handoff client=127.0.0.1:"
        street.wait_until(lambda: wanted in self.portier.log(), "the line")

    def test_none_when_not_asked_for(self):
        self.open_street("handoff")
        with self.client(self.port) as client:
            client.sendall(b"c")
            street.exactly(client, 100)
        self.wait_closed("handler_close", 1)
        self.assertEqual(self.portier.log_lines(message="connection"), [])


class Poor(street.Case):
    """With less than everything from the kernel the counts are still right."""

    def open_street(self, programs=street.BUILD / "handlers", **options):
        ports = {delivery: street.free_port() for delivery in DELIVERIES}
        self.keys = {delivery: f"127.0.0.1:{port}/tcp" for delivery, port in ports.items()}
        handlers = {delivery: {"command": [str(programs / "echo")], "ready": "notify", "delivery": delivery}
                    for delivery in DELIVERIES}
        self.portier = self.street(handlers, {key: delivery for delivery, key in self.keys.items()}, start=False)
        self.own(self.portier.folder)
        self.portier.start(**options)
        return ports

    def own(self, folder):
        """Who portier runs as may write there."""

    def hold(self, delivery, port):
        """The report of connections that were counted while they were there and after they had gone."""
        held = self.guests("hold", port, "--connections", 500, "--greet")
        for count in (500, 0):
            self.portier.wait_metric(count, "portier_connections_active", port=self.keys[delivery])
            self.portier.wait_metric(count, "portier_handler_connections_active", handler=delivery, process="0")
            if count:
                report = held.finish()
        self.assert_no_failures(report)
        return report

    def assert_closed(self, delivery, reason):
        closed = self.portier.metric("portier_connections_closed_total", port=self.keys[delivery], reason=reason)
        self.assertEqual(closed, 500)


class Unprivileged(Poor):
    def own(self, folder):
        if os.geteuid() == 0:
            os.chown(folder, self.user.pw_uid, self.user.pw_gid)

    def test_as_an_ordinary_user(self):
        programs = self.folder / "programs"
        programs.mkdir(mode=0o755)  # the build folder may lie where only its owner may look
        for program in (street.PORTIER, street.BUILD / "handlers" / "echo"):
            shutil.copy(program, programs)
        self.user = pwd.getpwnam("nobody")
        identity = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}
        ports = self.open_street(programs, portier=programs / "portier", **(identity if os.geteuid() == 0 else {}))
        self.assertEqual(int(kernel.status(self.portier.pid)["CapEff"], 16), 0)
        for delivery, port in ports.items():
            with self.subTest(delivery):
                report = self.hold(delivery, port)
                self.assert_closed(delivery, "client_close")
                received = self.portier.metric("portier_received_bytes_total", port=self.keys[delivery])
                self.assertEqual(received, report["sent_bytes"])


class WithoutEvents(Poor):
    def test_counts_come_from_dumps(self):
        ports = self.open_street(prefix=(street.PYTHON, "-I", street.HERE / "without_events.py"))
        message = "no destroy events from the kernel, counts come from dumps"
        self.assertTrue(self.portier.log_lines(message=message, role="keeper"))
        for delivery, port in ports.items():
            with self.subTest(delivery):
                self.hold(delivery, port)
                self.assert_closed(delivery, "unknown")
        os.kill(self.portier.router_pid(), signal.SIGKILL)  # the next one has to look, too
        for delivery, port in ports.items():
            with self.subTest(delivery):
                held = self.guests("hold", port, "--connections", 100, "--greet")
                self.portier.wait_metric(100, "portier_connections_active", port=self.keys[delivery])
                self.assert_no_failures(held.finish())
                self.portier.wait_metric(0, "portier_connections_active", port=self.keys[delivery])


if __name__ == "__main__":
    street.main()
