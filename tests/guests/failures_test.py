"""Runs guests against servers that make one kind of mistake each."""

import resource
import socket
import unittest

import faulty_server as faulty
from faulty_server import TcpServer, UdpServer, udp
from guests_case import Case, run


class FaultyServer(Case):
    """Proves that each kind of failure is counted as itself and as nothing else."""

    def check(self, behaviour, kind, *arguments):
        with TcpServer(behaviour) as server:
            self.assert_failed(run("crr", server.address, "--connections", 12, *arguments), kind, 12)

    def test_refused(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))  # taken, and nobody listens
            address = "127.0.0.1:%d" % closed.getsockname()[1]
            self.assert_failed(run("crr", address, "--connections", 12), "refused", 12)
            self.assert_failed(run("rr", address, "--requests", 12, "--connections", 4), "refused", 12)
            self.assert_failed(run("hold", address, "--connections", 12), "refused", 12)

    def test_reset_after_the_request(self):
        self.check(faulty.reset_after_request, "reset_after_request")

    def test_short_answer(self):
        self.check(faulty.answer_half, "short")

    def test_wrong_answer(self):
        self.check(faulty.answer_wrong, "wrong")

    def test_too_long_answer(self):
        self.check(faulty.answer_too_much, "wrong")

    def test_answer_that_never_comes(self):
        self.check(faulty.stay_silent, "timeout", "--timeout", "200ms")

    def test_connection_that_is_never_made(self):
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)  # room for one; nobody accepts, so the kernel answers no further SYN
            address = "127.0.0.1:%d" % full.getsockname()[1]
            result = run("crr", address, "--connections", 6, "--timeout", "300ms")
        self.assert_failed(result, "timeout", 6)
        self.assertLess(result[1]["connections"], 6)

    def test_answers_of_the_others(self):
        """Two clients get each other's answer: every byte was really sent, but by somebody else."""
        waiting = []

        def swap(connection):
            waiting.append((connection, connection.recv(65536)))
            if len(waiting) == 2:
                waiting[0][0].sendall(waiting[1][1])
                waiting[1][0].sendall(waiting[0][1])
            connection.recv(1)

        with TcpServer(swap) as server:
            self.assert_failed(run("crr", server.address, "--connections", 2), "wrong", 2)

    def test_lack_of_descriptors_is_a_system_error(self):
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))

        with TcpServer(faulty.echo) as server:
            code, report = run("hold", server.address, "--connections", 60, preexec_fn=few)
        self.assertEqual(code, 1)
        self.assertEqual(report["failures"]["total"], report["failures"]["system"])
        self.assertEqual(report["operations"], 60)
        self.assertEqual(report["system_error"], "Too many open files")

    def test_rr_connects_again_after_a_failure(self):
        with TcpServer(faulty.reset_after_request) as server:
            result = run("rr", server.address, "--requests", 30, "--connections", 3)
        self.assert_failed(result, "reset_after_request", 30)
        self.assertEqual(result[1]["connections"], 30)

    def test_stream_sees_a_changed_byte(self):
        with TcpServer(faulty.corrupt_later) as server:
            self.assert_failed(run("stream", server.address, "--bytes", "4MiB"), "wrong", 1)

    def test_stream_sees_a_missing_piece(self):
        with TcpServer(faulty.drop_later) as server:
            self.assert_failed(run("stream", server.address, "--bytes", "4MiB"), "wrong", 1)

    def test_stream_sees_an_early_end(self):
        with TcpServer(faulty.close_later) as server:
            self.assert_failed(run("stream", server.address, "--bytes", "4MiB"), "short", 1)

    def test_stream_without_progress_times_out(self):
        with TcpServer(faulty.stay_silent) as server:
            self.assert_failed(run("stream", server.address, "--bytes", "4MiB", "--timeout", "300ms"), "timeout", 1)


class FaultyUdpServer(Case):
    def check(self, answer, kind):
        with UdpServer(udp(answer)) as server:
            arguments = ("--requests", 10, "--flows", 2, "--timeout", "200ms")
            self.assert_failed(run("udp", server.address, *arguments), kind, 10)

    def test_lost(self):
        self.check(lambda datagram, _: [], "timeout")

    def test_short(self):
        self.check(lambda datagram, _: [datagram[:20]], "short")

    def test_empty(self):
        self.check(lambda datagram, _: [b""], "short")

    def test_wrong(self):
        self.check(lambda datagram, _: [datagram[:-1] + bytes([datagram[-1] ^ 1])], "wrong")

    def test_too_long(self):
        self.check(lambda datagram, _: [datagram + b"!"], "wrong")

    def test_refused(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
            closed.bind(("127.0.0.1", 0))
            closed.connect(("127.0.0.1", 9))  # keeps the port, and takes datagrams from nobody else
            address = "127.0.0.1:%d" % closed.getsockname()[1]
            self.assert_failed(run("udp", address, "--requests", 10, "--flows", 2), "refused", 10)

    def test_second_copies_are_late_and_no_failure(self):
        with UdpServer(udp(lambda datagram, _: [datagram, datagram])) as server:
            report = self.assert_ok(run("udp", server.address, "--requests", 20, "--flows", 1), 20)
        self.assertGreaterEqual(report["late"], 19)

    def test_an_answer_after_its_time_is_late_and_the_next_one_counts(self):
        kept = []

        def answer(datagram, count):
            kept.append(datagram)
            return [] if count == 0 else kept[-2:] if count == 1 else [datagram]

        with UdpServer(udp(answer)) as server:
            code, report = run("udp", server.address, "--requests", 5, "--flows", 1, "--timeout", "300ms")
        self.assertEqual((code, report["ok"], report["failures"]["timeout"], report["late"]), (1, 4, 1, 1))
        self.assertEqual(report["failures"]["total"], 1)


if __name__ == "__main__":
    unittest.main()
