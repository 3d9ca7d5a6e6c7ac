"""Dialect haproxy: the real haproxy with `bind sockpair@3` gets its connections as from its own master."""

import contextlib
import os
import re
import shutil
import signal
import socket

import dialects
import street

HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin")
CONFIGURATION = """
global
    maxconn {maxconn}
defaults
    timeout client 1h
    timeout server 1h
    timeout connect 10s
frontend guests
    mode {mode}
    bind sockpair@3
    {answer}
"""
PAGE = 'http-request return status 200 content-type text/plain lf-string "process %pid"'
ECHO = "default_backend echo\nbackend echo\n    server here 127.0.0.1:{port}"


class Haproxy(dialects.Dialect):
    maxconn = 2000
    answers = ("http", PAGE)
    half_a_request, other_half = b"GET / HTTP/1.1\r\n", b"Host: house\r\n\r\n"

    def setUp(self):
        super().setUp()
        mode, answer = self.answers
        self.echo_port = street.free_port()
        self.file = self.folder / "haproxy.cfg"
        self.file.write_text(CONFIGURATION.format(maxconn=self.maxconn, mode=mode,
                                                  answer=answer.format(port=self.echo_port)))

    def pool(self, **keys):
        return {"dialect": "haproxy", "command": [HAPROXY, "-db", "-f", str(self.file)], "processes": 2, **keys}

    def answer(self, client):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += street.exactly(client, 1)
        body = street.exactly(client, int(re.search(rb"content-length: (\d+)", head)[1]))
        return int(body.removeprefix(b"process "))


class Contract(Haproxy):
    def test_every_process_serves(self):
        self.check_every_process_serves()

    def test_what_a_dead_process_had_not_taken(self):
        self.check_what_a_dead_process_had_not_taken()

    def test_the_channel_outlives_the_router(self):
        self.check_the_channel_outlives_the_router()

    def test_reload_replaces_the_processes(self):
        self.check_reload_replaces_the_processes()

    def test_counters(self):
        self.check_counters()

    def test_a_killed_process_takes_only_its_own(self):
        """Connections that it was serving end with it; those of the other one go on."""
        self.open_street()
        clients = [self.client(self.port) for _ in range(20)]
        served = [self.who(client) for client in clients]
        pid = self.pids()[0]
        os.kill(pid, signal.SIGKILL)
        for client, by in zip(clients, served):
            if by == pid:
                with contextlib.suppress(ConnectionResetError):
                    self.assertEqual(client.recv(1), b"")
            else:
                self.assertEqual(self.who(client), by)
        street.wait_until(lambda: self.pids().get(0, pid) != pid, "another process")
        self.portier.wait_metric(10, "portier_connections_active", port=self.key)


class Load(Haproxy):
    """In front of an echo server, so that the guests can tell whether every byte is right."""
    answers = ("tcp", ECHO)

    def others(self):
        return {"echo": street.handler("echo", delivery="inherit")}

    def other_ports(self):
        return {f"127.0.0.1:{self.echo_port}/tcp": "echo"}

    def who(self, client):
        """Both answer alike."""
        return street.ask(client)

    def test_router_killed_under_load(self):
        self.check_router_killed_under_load()

    def test_bytes_are_counted(self):
        self.open_street()
        client = self.client(self.port)
        self.assertTrue(street.ask(client, b"x" * 1000))
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(client.recv(1), b"")
        self.wait_all_closed()
        metrics = self.portier.metrics()
        for name in "portier_received_bytes_total", "portier_sent_bytes_total":
            self.assertEqual(metrics.of(name, port=self.key), 1000)
        self.assertEqual(metrics.of("portier_connections_closed_total", port=self.key, reason="client_close"), 1)


class Full(Haproxy):
    maxconn = 10

    def test_what_it_has_no_room_for_waits(self):
        """haproxy leaves unread what is beyond its maxconn. What it has read is its own, also when it closes that."""
        self.open_street(processes=1)
        clients = [self.client(self.port) for _ in range(3 * self.maxconn)]
        for client in clients:
            client.sendall(b"GET / HTTP/1.1\r\nHost: house\r\nConnection: close\r\n\r\n")
        for client in clients:
            self.assertTrue(self.answer(client))
            self.assertEqual(client.recv(1), b"", "the end comes though others still wait")
            client.close()
        self.wait_all_closed()


if __name__ == "__main__":
    street.main()
