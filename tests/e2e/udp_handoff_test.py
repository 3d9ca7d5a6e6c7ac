"""UDP by handoff: every flow has a socket of its own in a process, and no datagram of it is lost, doubled or reordered on
the way there."""

import os
import select
import signal
import socket
import time

import kernel
import street

CLIENTS = 150
ROUNDS = 60


class Client:
    """One flow: sends numbered datagrams and keeps the replies."""

    def __init__(self, case, address, source=None):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        case.addCleanup(self.socket.close)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(address)  # so only replies from the address that was asked arrive
        self.socket.setblocking(False)
        self.sent = 0
        self.replies = []

    def send(self, count=1):
        for _ in range(count):
            self.socket.send(b"%d" % self.sent)
            self.sent += 1

    def read(self):
        while True:
            try:
                self.replies.append(int(self.socket.recv(100)))
            except BlockingIOError:
                return


def answered(clients):
    select.select(clients_waiting(clients), [], [], 0.05)
    for client in clients:
        client.read()
    return all(len(client.replies) >= client.sent for client in clients)


def clients_waiting(clients):
    return [client.socket for client in clients if len(client.replies) < client.sent]


class UdpHandoff(street.Case):
    def open(self, place="{}", handler=None, processes=1, **port_keys):
        self.port = street.free_port(socket.SOCK_DGRAM)
        self.key = place.format(self.port) + "/udp"
        echo = handler or street.handler("echo", processes=processes)
        self.portier = self.street({"echo": echo}, {self.key: {"handler": "echo", **port_keys}})

    def clients(self, count, host="127.0.0.1"):
        return [Client(self, (host, self.port)) for _ in range(count)]

    def talk(self, clients, rounds=ROUNDS, burst=1):
        for _ in range(rounds):
            for client in clients:
                client.send(burst)
            for client in clients:
                client.read()
        self.wait_answered(clients)

    def wait_answered(self, clients):
        try:
            street.wait_until(lambda: answered(clients), "all are answered", patience=10)
        except AssertionError:
            pass
        for client in clients:
            self.assertEqual(client.replies, list(range(client.sent)), "every datagram once and in order")

    def test_from_the_first_moment(self):
        self.open()
        clients = self.clients(CLIENTS)
        self.talk(clients)
        metrics = self.portier.metrics()
        self.assertEqual(metrics.of("portier_flows_created_total", port=self.key), CLIENTS)
        self.assertEqual(metrics.of("portier_flows_active", port=self.key), CLIENTS)
        self.assertEqual(metrics.total("portier_datagrams_dropped_total", port=self.key), 0)


if __name__ == "__main__":
    street.main()
