"""echo: sends everything back, by handoff and by inherit, over TCP and UDP."""

import os
import socket
import subprocess
import threading
import unittest

from clients import everything, exactly, tcp
from fake_router import PATIENCE, Handoff, Inherit, command_of, until
from sample_case import BOTH, SampleCase


class EchoTest(SampleCase):
    def test_many_clients_get_their_own_bytes(self):
        for kind in BOTH:
            with self.subTest(kind=kind.__name__):
                echo = self.start(kind, "echo")
                clients = [self.closing(tcp(echo.port)) for _ in range(300)]
                for number, client in enumerate(clients):
                    client.sendall(b"guest %d" % number)
                for number, client in enumerate(clients):
                    wanted = b"guest %d" % number
                    self.assertEqual(exactly(client, len(wanted)), wanted)

    def test_large_data_to_a_client_that_reads_late(self):
        for kind in BOTH:
            with self.subTest(kind=kind.__name__):
                echo = self.start(kind, "echo")
                client, other = (self.closing(tcp(echo.port)) for _ in range(2))
                data = os.urandom(16 << 20)
                sender = threading.Thread(target=lambda: (client.sendall(data), client.shutdown(socket.SHUT_WR)))
                sender.start()
                # While nobody reads what comes back, the others are served.
                other.sendall(b"ping")
                self.assertEqual(exactly(other, 4), b"ping")
                self.assertTrue(everything(client) == data)
                sender.join()

    def test_udp_answers_from_the_address_that_was_asked(self):
        echo = self.start(Inherit, "echo")
        for address in "127.0.0.1", "127.0.0.9":
            client = self.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            client.settimeout(PATIENCE)
            client.connect((address, echo.udp_port))  # takes datagrams from that address only
            for size in 0, 1, 1400, 60000:
                client.send(b"x" * size)
                self.assertEqual(len(client.recv(65536)), size)

    def test_drain_serves_until_the_last_client_leaves(self):
        echo = self.start(Handoff, "echo")
        client = self.closing(tcp(echo.port))
        client.sendall(b"1")
        exactly(client, 1)
        echo.drain()
        until(lambda: echo.said("STOPPING=1"), "STOPPING=1")
        client.sendall(b"2")
        self.assertEqual(exactly(client, 1), b"2")
        client.close()
        self.assert_ends_well(echo)

    def test_portier_gone_is_like_drain(self):
        echo = self.start(Handoff, "echo")
        client = self.closing(tcp(echo.port))
        client.sendall(b"1")
        exactly(client, 1)
        echo.leave()
        until(lambda: echo.said("STOPPING=1"), "STOPPING=1")
        client.sendall(b"2")
        self.assertEqual(exactly(client, 1), b"2")
        client.close()
        self.assert_ends_well(echo)

    def test_sigterm_closes_idle_clients(self):
        for kind in BOTH:
            with self.subTest(kind=kind.__name__):
                echo = self.start(kind, "echo")
                client = self.closing(tcp(echo.port))
                client.sendall(b"1")
                exactly(client, 1)
                echo.terminate()
                self.assertEqual(everything(client), b"")
                self.assert_ends_well(echo)
                if kind is Handoff:
                    until(lambda: echo.stopping, "the message stopping")

    def test_credit_keeps_within_the_descriptor_limit(self):
        limit, guests = 96, 200
        echo = self.start(Handoff, "echo", limit=limit)
        clients = [self.closing(tcp(echo.port)) for _ in range(guests)]
        until(lambda: echo.credit == 0, "the window to close")
        held = echo.taken
        self.assertLess(held, limit)
        self.assertGreater(held, limit // 2)
        # Who leaves makes room for the next, until all were served.
        for number, client in enumerate(clients):
            client.sendall(b"%4d" % number)
            self.assertEqual(exactly(client, 4), b"%4d" % number)
            client.close()
        self.assertEqual(echo.taken, guests)
        self.assertEqual(echo.errors(), "")

    def test_inherit_waits_at_the_descriptor_limit(self):
        limit, guests = 64, 200
        echo = self.start(Inherit, "echo", limit=limit)
        clients = [self.closing(tcp(echo.port)) for _ in range(guests)]
        for number, client in enumerate(clients):
            client.sendall(b"%4d" % number)
            self.assertEqual(exactly(client, 4), b"%4d" % number)
            client.close()

    def test_the_watchdog_is_fed(self):
        for kind in BOTH:
            with self.subTest(kind=kind.__name__):
                echo = self.start(kind, "echo", extra={"WATCHDOG_USEC": "50000"})
                until(lambda: echo.said("WATCHDOG=1") and echo.states.count("WATCHDOG=1") >= 5, "five pings")

    def test_another_version_of_the_contract_is_an_error(self):
        echo = self.start(Handoff, "echo")
        until(lambda: echo.credit, "credit")
        echo.channel.send(bytes([2, 1, 0, 1]) + bytes(60))
        self.assertEqual(echo.exit_status(), 1)
        self.assertIn("portier speaks version 2 of the handoff contract, this program 1", echo.errors())


class StartTest(unittest.TestCase):
    def test_without_portier_it_says_so(self):
        for program, arguments in ("echo", []), ("chat", []), ("push", []), ("kitchen", ["--menu", "veg"]):
            with self.subTest(program=program):
                command = command_of(program) + arguments
                done = subprocess.run(command, env={}, capture_output=True, timeout=PATIENCE, text=True)
                self.assertEqual(done.returncode, 1)
                self.assertIn("it is started by portier", done.stderr)


if __name__ == "__main__":
    unittest.main()
