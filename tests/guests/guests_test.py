"""Runs guests in every mode but hold against servers that behave, and checks what it counted."""

import json
import subprocess
import unittest

import faulty_server as faulty
from faulty_server import PATIENCE, TcpServer, UdpServer, udp
from guests_case import GUESTS, Case, run


class GoodServer(Case):
    """Proves that each mode does what it says and counts operations, connections and bytes exactly."""

    def test_crr_makes_one_connection_per_request(self):
        with TcpServer(faulty.echo) as server:
            report = self.assert_ok(run("crr", server.address, "--connections", 200, "--concurrency", 10), 200)
            server.wait_for_ended(200)
        self.assertEqual(report["connections"], 200)
        self.assertEqual((report["sent_bytes"], report["received_bytes"]), (200 * 64, 200 * 64))
        self.assertEqual((report["connect_us"]["count"], report["response_us"]["count"]), (200, 200))

    def test_rr_keeps_its_connections(self):
        with TcpServer(faulty.echo) as server:
            report = self.assert_ok(run("rr", server.address, "--requests", 500, "--connections", 7), 500)
        self.assertEqual(report["connections"], 7)
        self.assertEqual(report["response_us"]["count"], 500)

    def test_rr_sends_requests_larger_than_the_socket_buffers(self):
        with TcpServer(faulty.echo) as server:
            report = self.assert_ok(run("rr", server.address, "--requests", 3, "--connections", 1, "--size", "20MB"), 3)
        self.assertEqual(report["received_bytes"], 60_000_000)

    def test_rr_of_one_byte(self):
        with TcpServer(faulty.echo) as server:
            self.assert_ok(run("rr", server.address, "--requests", 50, "--connections", 2, "--size", 1), 50)

    def test_duration_ends_a_run(self):
        with TcpServer(faulty.echo) as server:
            report = self.assert_ok(run("rr", server.address, "--duration", "300ms", "--connections", 2))
        self.assertGreaterEqual(report["seconds"], 0.29)
        self.assertGreater(report["ok"], 0)

    def test_stream_brings_every_byte_back(self):
        with TcpServer(faulty.echo) as server:
            report = self.assert_ok(run("stream", server.address, "--bytes", "8MiB", "--connections", 2), 2)
        self.assertEqual((report["sent_bytes"], report["received_bytes"]), (16 << 20, 16 << 20))

    def test_stream_for_a_time_waits_for_what_is_under_way(self):
        with TcpServer(faulty.echo) as server:
            report = self.assert_ok(run("stream", server.address, "--duration", "200ms"), 1)
        self.assertEqual(report["sent_bytes"], report["received_bytes"])

    def test_udp_flows(self):
        with UdpServer(udp(lambda datagram, _: [datagram])) as server:
            report = self.assert_ok(run("udp", server.address, "--requests", 300, "--flows", 5), 300)
        self.assertEqual((report["connections"], report["late"]), (0, 0))

    def test_udp_makes_a_new_flow_per_request(self):
        clients = set()

        def serve(server_socket, stopping):
            while not stopping.is_set():
                try:
                    datagram, client = server_socket.recvfrom(65536)
                except TimeoutError:
                    continue
                clients.add(client)
                server_socket.sendto(datagram, client)

        with UdpServer(serve) as server:
            arguments = ("--requests", 200, "--flows", 5, "--new-flow-per-request")
            self.assert_ok(run("udp", server.address, *arguments), 200)
        self.assertEqual(len(clients), 200)

    def test_ipv6(self):
        with TcpServer(faulty.echo, host="::1") as server:
            self.assert_ok(run("crr", server.address, "--connections", 20), 20)

    def test_sources_are_used_evenly(self):
        with TcpServer(faulty.echo) as server:
            self.assert_ok(run("crr", server.address, "--connections", 60, "--sources", 6), 60)
            self.assertEqual({server.clients.count(f"127.64.0.{n}") for n in range(1, 7)}, {10})

    def test_processes_share_the_work_and_their_results_are_merged(self):
        with TcpServer(faulty.echo) as server:
            report = self.assert_ok(run("crr", server.address, "--connections", 100, "--processes", 3), 100)
        self.assertEqual((report["processes"], report["connections"]), (3, 100))

    def test_another_seed_sends_other_bytes(self):
        seen = []

        def serve(connection):
            seen.append(connection.recv(65536))
            connection.sendall(seen[-1])

        with TcpServer(serve) as server:
            for seed in (1, 1, 2):
                self.assert_ok(run("crr", server.address, "--connections", 1, "--seed", seed), 1)
        self.assertEqual(seen[0], seen[1])
        self.assertNotEqual(seen[0], seen[2])


class UntilStdin(Case):
    """Proves that a script can end any load: what is under way ends well, and nothing is counted as failed."""

    def test_load_runs_until_the_line_comes(self):
        for mode in ("crr", "rr", "stream"):
            with self.subTest(mode), TcpServer(faulty.echo) as server:
                command = [GUESTS, mode, server.address, "--until-stdin", "-o", "json", "--processes", "2"]
                with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
                    self.assertEqual(process.stdout.readline(), "running\n")
                    out, _ = process.communicate("\n", timeout=PATIENCE)
                self.assert_ok((process.returncode, json.loads(out)))


class OpenLoop(Case):
    """Proves that the rate is kept, and that a stall of the server is charged to all requests that it delayed."""

    def test_rate(self):
        with TcpServer(faulty.echo) as server:
            arguments = ("--rate", 200, "--duration", "500ms", "--processes", 2)
            report = self.assert_ok(run("rr", server.address, *arguments), 100)
        self.assertGreaterEqual(report["seconds"], 0.49)

    def test_no_coordinated_omission(self):
        arguments = ("--connections", 1, "--duration", "1s")
        with TcpServer(faulty.stall_first(0.3)) as server:
            open_loop = self.assert_ok(run("rr", server.address, "--rate", 100, *arguments), 100)
        self.assertGreater(open_loop["response_us"]["p90"], 100_000)

    def test_hold_opens_at_the_rate(self):
        with TcpServer(faulty.echo) as server:
            report = self.assert_ok(run("hold", server.address, "--connections", 50, "--rate", 100), 50)
        self.assertGreaterEqual(report["seconds"], 0.48)


class Usage(unittest.TestCase):
    def test_bad_usage_is_exit_2(self):
        for arguments in ([], ["crr"], ["crr", "nowhere"], ["crr", "127.0.0.1:1", "--duration", "10"],
                          ["crr", "[::1]:1", "--sources", "5"], ["udp", "127.0.0.1:1", "--size", "3"],
                          ["hold", "127.0.0.1:1", "--until-stdin", "--for", "1s"], ["dance", "127.0.0.1:1"]):
            done = subprocess.run([GUESTS, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertNotEqual(done.stderr, "", arguments)
            self.assertEqual(done.stdout, "", arguments)

    def test_help_is_exit_0(self):
        done = subprocess.run([GUESTS, "hold", "--help"], capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 0)
        self.assertIn("--until-stdin", done.stdout)

    def test_text_names_what_failed(self):
        with TcpServer(faulty.answer_wrong) as server:
            command = [GUESTS, "crr", server.address, "--connections", "2"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("2 wrong answer", done.stdout)


if __name__ == "__main__":
    unittest.main()
