"""How many processes at the same time, in all and for one source, and what happens to a connection that is too many."""

import contextlib
import socket

import kernel
import street

SERVE = "echo there; read word; echo $$word"


class Limits(street.Case):
    def open_street(self, over_limit="wait", script=SERVE, **keys):
        self.port = street.free_port()
        handler = {"delivery": "spawn", "style": "inetd", "command": ["/bin/sh", "-c", script], **keys}
        self.portier = self.street({"git": handler},
                                   {f"{self.port}/tcp": {"handler": "git", "over_limit": over_limit}},
                                   {"drain_timeout": "100ms"})

    def served(self, source=None):
        client = self.client(self.port, source)
        self.assertEqual(street.exactly(client, 6), b"there\n")
        return client

    def served_at_last(self, source=None):
        """A client may see the end of a process before we do."""
        def served():
            with contextlib.suppress(EOFError, ConnectionResetError):
                return self.served(source)
            return None
        return street.wait_until(served, "there is room again")

    def finish(self, client):
        client.sendall(b"bye\n")
        self.assertEqual(street.exactly(client, 4), b"bye\n")
        self.assertEqual(client.recv(1), b"")

    def refused(self, source=None):
        with contextlib.suppress(ConnectionResetError):  # at once, or soon
            return self.client(self.port, source).recv(1) == b""
        return True

    def rejected(self, reason):
        return self.portier.metric("portier_connections_rejected_total", port=f"{self.port}/tcp", reason=reason)

    def running(self):
        return len(kernel.children(self.portier.pid)) - 1  # and the router


class InAll(Limits):
    def test_others_wait_in_the_backlog(self):
        self.open_street(max_processes=2)
        first, second = self.served(), self.served()
        third = self.client(self.port)
        third.settimeout(0.3)
        self.assertRaises(TimeoutError, third.recv, 1)
        self.assertEqual(self.running(), 2)
        self.finish(first)
        third.settimeout(street.PATIENCE)
        self.assertEqual(street.exactly(third, 6), b"there\n")
        self.finish(second)
        self.finish(third)
        self.assertEqual(self.rejected("limit"), 0)

    def test_others_are_refused(self):
        for over_limit in ("reset", "close"):
            with self.subTest(over_limit=over_limit):
                self.open_street(over_limit, max_processes=2)
                first, second = self.served(), self.served()
                for _ in range(5):
                    self.assertTrue(self.refused())
                self.assertEqual(self.rejected("limit"), 5)
                self.finish(first)
                self.finish(self.served_at_last())
                self.finish(second)

    def test_never_more_however_many_come(self):
        self.open_street(max_processes=3, script="read word; echo $$word")
        clients = [self.client(self.port) for _ in range(60)]
        most = 0
        for client in clients:
            client.sendall(b"one\n")
        for client in clients:
            most = max(most, self.running())
            self.assertEqual(street.exactly(client, 4), b"one\n")
        self.assertLessEqual(most, 3)


class OfOneSource(Limits):
    def test_is_refused_and_others_are_not(self):
        self.open_street(max_processes=10, max_processes_per_source=2)
        first, second = self.served("127.0.0.2"), self.served("127.0.0.2")
        self.assertTrue(self.refused("127.0.0.2"))
        self.finish(self.served("127.0.0.3"))
        self.assertEqual(self.rejected("source_limit"), 1)
        self.finish(first)
        self.finish(self.served_at_last("127.0.0.2"))
        self.finish(second)

    def test_while_a_process_lives_although_its_connection_is_gone(self):
        self.open_street(max_processes=10, max_processes_per_source=1,
                         script="exec 0<&- 1>&- 2>&-; exec sleep 1000")
        self.client(self.port, "127.0.0.2")
        street.wait_until(lambda: self.running() == 1, "it runs")
        self.assertTrue(self.refused("127.0.0.2"))
        self.assertEqual(self.running(), 1)


class Failures(Limits):
    def test_programs_that_cannot_be_started(self):
        """Each connection is closed and counted, the log says why once a second; nothing spins, the rest goes on."""
        program = self.folder / "gone"
        program.write_text("#!/bin/sh\necho ok\n")
        program.chmod(0o755)
        self.open_street(script="exit", program=str(program))
        program.unlink()
        before = self.portier.metric("process_cpu_seconds_total", role="keeper")
        clients = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(20)]
        for client in clients:
            with client:
                self.assertEqual(client.recv(1), b"")
        self.portier.wait_metric(20, "portier_handler_exits_total", handler="git", code="not_started")
        exits = self.portier.metrics().all("portier_handler_exits_total", handler="git")
        self.assertEqual({dict(key)["code"]: value for key, value in exits.items() if value}, {"not_started": 20})
        lines = self.portier.log_lines(message="no process could be started for a connection, it is closed")
        self.assertTrue(lines)
        self.assertIn("No such file", lines[0]["error"])
        self.assertLess(self.portier.metric("process_cpu_seconds_total", role="keeper") - before, 5)
        program.write_text("#!/bin/sh\necho ok\n")
        program.chmod(0o755)
        self.assertEqual(street.exactly(self.client(self.port), 3), b"ok\n", "and when it is there again, it is used")


if __name__ == "__main__":
    street.main()
