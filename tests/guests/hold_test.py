"""Runs guests hold and breaks connections while they are held."""

import json
import select
import socket
import subprocess
import threading
import unittest

import faulty_server as faulty
from faulty_server import PATIENCE, TcpServer
from guests_case import GUESTS, Case, run


class Hold(Case):
    """Proves that hold keeps its connections, notices each one that breaks, and checks all that are left."""

    def start(self, server, *arguments):
        command = [GUESTS, "hold", server.address, "--until-stdin", "-o", "json", *map(str, arguments)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, process.stdout.readline()

    def finish(self, process):
        out, _ = process.communicate("\n", timeout=PATIENCE)
        return process.returncode, json.loads(out)

    def test_keeps_all_until_the_line_comes_and_checks_them(self):
        with TcpServer(faulty.echo) as server:
            process, line = self.start(server, "--connections", 300, "--processes", 2)
            self.assertEqual(line, "holding 300\n")
            self.assertEqual(server.ended, 0)
            report = self.assert_ok(self.finish(process), 300)
            server.wait_for_ended(300)
        self.assertEqual((report["held"], report["sent_bytes"], report["received_bytes"]), (300, 19200, 19200))

    def test_the_end_of_the_input_ends_it_too(self):
        with TcpServer(faulty.echo) as server:
            process, _ = self.start(server, "--connections", 3)
            process.stdin.close()
            report = json.loads(process.stdout.read())
        self.assertEqual(report["ok"], 3)

    def test_greets_before_it_holds(self):
        with TcpServer(faulty.echo) as server:
            report = self.assert_ok(run("hold", server.address, "--connections", 20, "--greet"), 20)
        self.assertEqual(report["received_bytes"], 2 * 20 * 64)

    def test_no_more_are_opened_than_it_may_greet_at_the_same_time(self):
        answered = 0
        crowds = []

        def count_the_crowd():
            nonlocal answered
            while select.select([server.socket], [], [], 0)[0]:
                pass
            crowds.append(len(server.connections) - answered)
            answered += 5
        greeted = threading.Barrier(5, count_the_crowd)

        def answer_five_at_once(connection):
            order = connection.recv(64)
            greeted.wait(PATIENCE)
            connection.sendall(order)
            faulty.echo(connection)
        with TcpServer(answer_five_at_once) as server:
            self.assert_ok(run("hold", server.address, "--connections", 40, "--concurrency", 5, "--processes", 1,
                               "--greet"), 40)
        self.assertEqual(crowds, [5] * 8)

    def test_for_keeps_them_so_long(self):
        with TcpServer(faulty.echo) as server:
            self.assert_ok(run("hold", server.address, "--connections", 5, "--for", "300ms"), 5)

    def test_connections_that_break_meanwhile_are_counted_once(self):
        with TcpServer(faulty.echo) as server:
            process, _ = self.start(server, "--connections", 10, "--greet")
            for connection in server.connections[:3]:
                connection.shutdown(socket.SHUT_WR)
            code, report = self.finish(process)
        self.assertEqual((code, report["ok"], report["failures"]["short"]), (1, 7, 3))

    def test_reset_before_the_request(self):
        with TcpServer(faulty.reset_at_once) as server:
            process, _ = self.start(server, "--connections", 8)
            server.wait_for_ended(8)
            self.assert_failed(self.finish(process), "reset_before_request", 8)

    def test_closed_before_the_request(self):
        with TcpServer(faulty.close_at_once) as server:
            process, _ = self.start(server, "--connections", 8)
            server.wait_for_ended(8)
            self.assert_failed(self.finish(process), "short", 8)

    def test_the_limit_ends_it_and_what_was_not_checked_has_failed(self):
        with TcpServer(faulty.stay_silent) as server:
            process, _ = self.start(server, "--connections", 4, "--limit", "1s")
            out = process.stdout.read()
            process.wait(PATIENCE)
        self.assert_failed((process.returncode, json.loads(out)), "timeout", 4)


if __name__ == "__main__":
    unittest.main()
