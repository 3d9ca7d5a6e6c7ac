"""Delivery `relay` over TCP from outside: bytes, counters and log lines; backends that come, go, fill up and fail."""

import os
import signal
import socket

import kernel
import street
from relays import RelayCase, read_to_end, relay


class RelayTest(RelayCase):
    def test_bytes_counters_and_the_log(self):
        portier = self.relayed(router={"log": {"connections": True}})
        client, far = self.pair()
        client.sendall(b"x" * 1000)
        client.shutdown(1)
        self.assertEqual(read_to_end(far), (b"x" * 1000, "fin"))
        far.sendall(b"y" * 300)
        far.close()
        self.assertEqual(read_to_end(client), (b"y" * 300, "fin"))
        self.wait_closed("client_close")
        metrics = portier.metrics()
        key = f"127.0.0.1:{self.port}/tcp"
        self.assertEqual(metrics.of("portier_connections_accepted_total", port=key), 1)
        self.assertEqual(metrics.of("portier_connections_active", port=key), 0)
        self.assertEqual(metrics.of("portier_received_bytes_total", port=key), 1000)
        self.assertEqual(metrics.of("portier_sent_bytes_total", port=key), 300)
        self.assertEqual(metrics.of("portier_connection_duration_seconds_count", port=key), 1)
        self.assertEqual(metrics.of("portier_dispatch_duration_seconds_count", delivery="relay"), 1)
        self.assertEqual(metrics.of("portier_backend_connections_total", handler="far", backend="0"), 1)
        (line,) = street.wait_until(lambda: portier.log_lines(message="connection"), "the line of the connection")
        wanted = {"port": key, "handler": "far", "delivery": "relay", "backend": f"127.0.0.1:{self.backend.port}",
                  "received": 1000, "sent": 300, "reason": "client_close", "local": f"127.0.0.1:{self.port}",
                  "client": "%s:%d" % client.getsockname()}
        self.assertLessEqual(wanted.items(), line.items())

    def test_a_unix_socket_is_a_backend(self):
        path = self.folder / "far.sock"
        backend = self.new_backend(path)
        path.chmod(0o666)
        self.relayed(f"unix:{path}")
        client, far = self.pair(backend)
        self.assert_relayed(client, far)
        big = bytes(range(256)) * 8192
        far.sendall(big[:100_000])
        self.assertEqual(street.exactly(client, 100_000), big[:100_000])
        client.shutdown(1)
        self.assertEqual(read_to_end(far), (b"", "fin"))
        far.close()
        self.assertEqual(read_to_end(client), (b"", "fin"))

    def test_the_backend_hears_who_the_client_is(self):
        for version in ("v1", "v2"):
            with self.subTest(version=version):
                self.relayed(proxy_protocol=version)
                client, far = self.pair()  # before the client has said anything
                name = client.getsockname()
                if version == "v1":
                    line = f"PROXY TCP4 127.0.0.1 127.0.0.1 {name[1]} {self.port}\r\n".encode()
                    self.assertEqual(street.exactly(far, len(line)), line)
                else:
                    head = street.exactly(far, 16)
                    self.assertEqual(head[:14], b"\r\n\r\n\0\r\nQUIT\n\x21\x11")
                    rest = street.exactly(far, int.from_bytes(head[14:], "big"))
                    self.assertEqual(rest[:12], socket.inet_aton("127.0.0.1") * 2 + name[1].to_bytes(2, "big")
                                     + self.port.to_bytes(2, "big"))
                    self.assertEqual(rest[12], 5)  # UNIQUE_ID
                    self.assertEqual(int.from_bytes(rest[13:15], "big"), len(rest) - 15)
                self.assert_relayed(client, far)

    def test_connections_come_from_the_source_address(self):
        self.relayed(source_address="127.0.0.77")
        client, far = self.pair()
        self.assertEqual(far.getpeername()[0], "127.0.0.77")
        self.assert_relayed(client, far)

    def test_a_transparent_relay_shows_the_client_to_the_backend(self):
        if not self.isolated:
            return self.assertIn("CAP_NET_ADMIN", self.refused_configuration())
        portier = self.relayed()
        self.assertEqual(int(kernel.status(portier.router_pid())["CapEff"], 16), 0)
        portier.config["handlers"]["far"]["transparent"] = True
        portier.write()
        self.assertEqual(portier.command("reload").returncode, 0)
        self.assertEqual(int(kernel.status(portier.router_pid())["CapEff"], 16), 1 << 12, "CAP_NET_ADMIN and no other")
        client = self.client(self.port, source="127.0.0.55")
        far = self.backend.accept()
        self.addCleanup(far.close)
        self.assertEqual(far.getpeername()[0], "127.0.0.55")
        self.assert_relayed(client, far)

    def refused_configuration(self):
        portier = self.street({"far": relay(self.backend.port, transparent=True)},
                              {f"127.0.0.1:{street.free_port()}/tcp": "far"}, start=False)
        portier.start(ready=False)
        self.assertEqual(portier.wait_ended(), 2)
        return portier.log()

    def test_an_idle_connection_ends_and_a_busy_one_does_not(self):
        self.relayed(port_keys={"idle_timeout": "1s"})
        client, far = self.pair()
        idle, idle_far = self.pair()
        for _ in range(15):  # one direction is enough
            far.sendall(b"alive")
            street.exactly(client, 5)
            idle.settimeout(0.1)
            try:
                self.assertEqual(idle.recv(1), b"")
            except TimeoutError:
                continue
            break
        else:
            self.fail("the idle connection lives on")
        self.assertEqual(read_to_end(idle_far), (b"", "fin"))
        self.assert_relayed(client, far)
        self.wait_closed("idle")

    def test_relays_share_the_limits_of_admission(self):
        portier = self.relayed(port_keys={"max_connections_per_source": 1, "over_limit": "reset"})
        client, far = self.pair()
        with self.assertRaises(ConnectionResetError):
            self.client(self.port).recv(1)
        client.close()
        far.close()
        self.wait_closed("client_close")
        self.assert_relayed(*self.pair())
        self.assertEqual(portier.metrics().total("portier_connections_rejected_total", reason="source_limit"), 1)

    def test_a_router_that_dies_leaves_exact_counts(self):
        portier = self.relayed()
        pairs = [self.pair() for _ in range(5)]
        os.kill(portier.router_pid(), signal.SIGKILL)
        for client, far in pairs:
            read_to_end(client)
            read_to_end(far)
        self.assert_relayed(*self.pair())
        self.wait_closed("unknown", 5)
        self.assertEqual(portier.metrics().total("portier_connections_active"), 1)
        self.assertEqual(portier.metrics().total("portier_backend_connections_active"), 1)


class LeavingTest(RelayCase):
    def test_connections_outlive_their_port_and_their_backend(self):
        portier = self.relayed()
        old = self.pair()
        other = self.new_backend()
        portier.config["handlers"]["far"]["connect"] = [f"127.0.0.1:{other.port}"]
        self.reload(portier)
        new = self.pair(other)
        second = street.free_port()
        portier.config["ports"] = {f"127.0.0.1:{second}/tcp": {"handler": "far"}}
        self.reload(portier)
        for client, far in (old, new):
            self.assert_relayed(client, far)
            client.shutdown(1)
            self.assertEqual(read_to_end(far), (b"", "fin"))
            far.close()
            self.assertEqual(read_to_end(client), (b"", "fin"))

    def test_stopping_gives_relays_the_time_to_drain(self):
        portier = self.relayed(router={"drain_timeout": "60s"})
        client, far = self.pair()
        portier.process.terminate()
        street.wait_until(lambda: not kernel.listener_inodes(self.port), "the port is closed")
        self.assert_relayed(client, far)
        self.assertIsNone(portier.process.poll())
        client.close()
        self.assertEqual(read_to_end(far), (b"", "fin"))
        far.close()
        self.assertEqual(portier.wait_ended(), 0)

    def test_who_does_not_end_in_time_is_cut_with_a_reset(self):
        portier = self.relayed(router={"drain_timeout": "1s"})
        client, far = self.pair()
        done, done_far = self.pair()
        far.sendall(b"half an answer")
        self.assertEqual(street.exactly(client, 14), b"half an answer")
        client.sendall(b"and half a question")
        self.assertEqual(street.exactly(far, 19), b"and half a question")
        done_far.sendall(b"a whole one")
        done_far.shutdown(1)
        self.assertEqual(street.exactly(done, 11), b"a whole one")
        portier.process.terminate()
        self.assertEqual(portier.wait_ended(), 0)
        self.assertEqual((read_to_end(client), read_to_end(far)), ((b"", "rst"), (b"", "rst")))
        self.assertEqual(read_to_end(done), (b"", "fin"))

    def test_a_second_signal_ends_the_draining(self):
        portier = self.relayed(router={"drain_timeout": "600s"})
        client, far = self.pair()
        portier.process.terminate()
        street.wait_until(lambda: portier.log_lines(message="stopping"), "it stops")
        portier.process.terminate()
        self.assertEqual(portier.wait_ended(), 0)
        self.assertEqual((read_to_end(client)[0], read_to_end(far)[0]), (b"", b""))

    def reload(self, portier):
        portier.write()
        done = portier.command("reload")
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    street.main()
