"""Backends and clients that break every rule harm themselves only: the router stays up, uses no time for them, counts
what became of them, leaks nothing, and others are served meanwhile."""

import contextlib
import os
import socket
import struct
import threading
import time

import kernel
import street
from relays import RelayCase, read_to_end, reset


class HostileTest(RelayCase):
    def setUp(self):
        super().setUp()
        self.honest = self.new_backend()

    def start(self, prefix=(), **keys):
        """Two ports: the hostile one is self.port, and there is an honest one."""
        self.port, self.honest_port = street.free_port(), street.free_port()
        self.portier = self.street(
            {"far": {"delivery": "relay", "connect": [f"127.0.0.1:{self.backend.port}"], **keys},
             "honest": {"delivery": "relay", "connect": [f"127.0.0.1:{self.honest.port}"]}},
            {f"127.0.0.1:{self.port}/tcp": "far", f"127.0.0.1:{self.honest_port}/tcp": "honest"}, start=False)
        self.portier.start(prefix)
        self.router = self.portier.router_pid()
        client = self.client(self.honest_port)
        far = self.honest.accept()
        self.addCleanup(far.close)
        self.assert_relayed(client, far)
        self.honest_pair = (client, far)
        self.before = self.descriptors()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.router}/fd"))

    def cpu_seconds(self):
        fields = kernel.read(self.router, "stat").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def assert_unharmed(self, slack=16):
        """The honest connection moves, the router is the same, its descriptors are back (but for resting pipes)."""
        self.assert_relayed(*self.honest_pair)
        street.wait_until(lambda: self.descriptors() <= self.before + slack, "descriptors are given back")
        self.assertEqual(self.portier.router_pid(), self.router)

    def active(self):
        return self.portier.metric("portier_connections_active", port=f"127.0.0.1:{self.port}/tcp")

    def serve(self, action):
        """Does this with every connection to the hostile backend until the test ends."""
        def run():
            while True:
                try:
                    connection = self.backend.accept()
                except OSError:
                    return
                try:
                    action(connection)
                except OSError:
                    continue
        threading.Thread(target=run, daemon=True).start()

    def test_a_backend_that_closes_at_once(self):
        self.start()
        for action in (lambda end: end.close(), reset):
            self.serve(action)
            for _ in range(100):
                with contextlib.suppress(ConnectionResetError):  # connect(2) may already see it
                    client = self.client(self.port)
                    read_to_end(client)
                    client.close()
        street.wait_until(lambda: self.active() == 0, "all are over")
        self.assert_unharmed()

    def test_a_backend_that_resets_half_way(self):
        self.start()
        self.serve(lambda end: (end.sendall(b"x" * 50_000), end.recv(10), reset(end)))
        for _ in range(50):
            client = self.client(self.port)
            client.sendall(b"y" * 10)
            data, how = read_to_end(client)
            self.assertEqual((len(data), how), (50_000, "rst"))
            client.close()
        self.wait_closed("handler_reset", 50)
        self.assert_unharmed()

    def test_a_backend_that_never_reads_and_clients_that_reset(self):
        self.start()
        kept = []
        self.serve(kept.append)
        clients = [self.client(self.port) for _ in range(20)]
        for client in clients:
            client.settimeout(0.05)
            try:
                while True:
                    client.send(b"z" * 1_000_000)
            except TimeoutError:
                pass
        street.wait_until(lambda: len(kept) == len(clients), "all are connected")
        self.assert_relayed(*self.honest_pair)
        before = self.cpu_seconds()
        time.sleep(1)
        self.assertLess(self.cpu_seconds() - before, 0.3, "blocked relays cost no time")
        for client in clients:
            reset(client)
        street.wait_until(lambda: self.active() == 0, "they linger only so long")  # bytes that never arrive
        self.wait_closed("client_reset", len(clients))
        for end in kept:
            end.close()
        self.assert_unharmed()

    def test_a_byte_at_a_time(self):
        self.start()
        client, far = self.pair()
        for end in (client, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(500):
            for source, sink in ((client, far), (far, client)):
                source.sendall(bytes([number % 256]))
                self.assertEqual(sink.recv(1), bytes([number % 256]))
        self.assert_unharmed(slack=18)

    def test_clients_that_leave_at_every_stage(self):
        self.start()
        self.serve(lambda end: threading.Thread(target=self.echo, args=(end,), daemon=True).start())
        for stage in range(300):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", stage % 2, 0))
            client.connect(("127.0.0.1", self.port))
            if stage % 5 > 0:
                client.sendall(b"q" * (stage * 400))
            if stage % 5 > 1:
                client.recv(1)
            if stage % 5 > 2:
                client.shutdown(1)
            client.close()
        street.wait_until(lambda: self.active() == 0, "all are over")
        self.assert_unharmed()

    def echo(self, end):
        try:
            while data := end.recv(65536):
                end.sendall(data)
        except OSError:
            pass
        end.close()

    def test_a_lack_of_descriptors_is_waited_out(self):
        self.start(("prlimit", "--nofile=200"))
        clients = [self.client(self.port) for _ in range(150)]
        self.assert_relayed(*self.honest_pair)
        before = self.cpu_seconds()
        time.sleep(1)
        self.assertLess(self.cpu_seconds() - before, 0.5, "it does not spin")
        self.serve(lambda end: threading.Thread(target=self.echo, args=(end,), daemon=True).start())
        served = 0
        for client in clients:  # each that ends makes room for another one
            try:
                client.sendall(b"at last")
                served += street.exactly(client, 7) == b"at last"
            except (OSError, EOFError):
                pass
            client.close()
        self.assertEqual(served, len(clients))
        street.wait_until(lambda: self.active() == 0, "all are over")
        self.assert_unharmed()


if __name__ == "__main__":
    street.main()
