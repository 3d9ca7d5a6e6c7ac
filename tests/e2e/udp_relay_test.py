"""UDP flows through a relay: every datagram to the right place and unchanged, and a flow stays what it is, whatever
becomes of the configuration and the router."""

import os
import signal
import socket
import threading

import street
from udp_backend import Client, Echo, Server

KILLS = 5
CLIENTS = 20


def relay(*servers, **keys):
    connect = [f"[::1]:{server.port}" if server.socket.family == socket.AF_INET6 else f"127.0.0.1:{server.port}"
               for server in servers]
    return {"delivery": "relay", "connect": connect, **keys}


class UdpRelay(street.Case):
    def open_street(self, handler, address="", **keys):
        self.port = street.free_port(socket.SOCK_DGRAM)
        self.key = f"{address}{self.port}/udp"
        self.portier = self.street({"echo": handler}, {self.key: {"handler": "echo", **keys}}, self.router)
        return self.portier

    router = None

    def server(self, kind, *arguments):
        server = kind(*arguments)
        self.addCleanup(server.close)
        return server

    def udp_client(self, *arguments, **keys):
        client = Client(self.port, *arguments, **keys)
        self.addCleanup(client.close)
        return client

    def kill_router(self):
        pid = self.portier.router_pid()
        os.kill(pid, signal.SIGKILL)
        return pid

    def reload(self):
        self.portier.write()
        done = self.portier.command("reload")
        self.assertEqual(done.returncode, 0, done.stderr)

    def total(self, name, **labels):
        return self.portier.metric(f"portier_{name}", port=self.key, **labels)


class Datagrams(UdpRelay):
    def test_replies_come_from_the_address_that_was_asked(self):
        self.open_street(relay(self.server(Server, "a")))
        for last in range(1, 255):
            self.udp_client(f"127.0.0.{last}").who()
        self.udp_client("::1").who()
        self.assertEqual(self.total("flows_created_total"), 255)
        self.assertEqual(self.total("datagrams_sent_total"), 255)

    def test_every_size_passes_unchanged(self):
        for address in "127.0.0.1", "::1":
            self.open_street(relay(self.server(Echo, "", address)))
            client = self.udp_client()
            for size in 0, 1, 512, 1473, 9000, 65506, 65507:
                data = os.urandom(size)
                self.assertEqual(client.ask(data), data)

    def test_a_server_that_is_down_for_one_datagram(self):
        for address in "127.0.0.1", "::1":
            server = Server("a", address)
            self.open_street(relay(server))
            client = self.udp_client()
            before = client.who()
            server.close()
            client.socket.send(b"lost")
            self.portier.wait_metric(2, "portier_datagrams_received_total", port=self.key)
            self.server(Server, "a", address, server.port)
            self.assertEqual(client.who(), before, "the next datagram arrives, in the same flow")

    def test_the_proxy_header_goes_before_every_datagram(self):
        self.open_street(relay(self.server(Echo, ""), proxy_protocol="v2"), "127.0.0.1:")
        client = self.udp_client()
        source = client.socket.getsockname()
        header = (b"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0c" + socket.inet_aton("127.0.0.1") * 2
                  + source[1].to_bytes(2, "big") + self.port.to_bytes(2, "big"))
        for data in b"one", b"", b"three":
            self.assertEqual(client.ask(data), header + data)


class Flows(UdpRelay):
    def test_stay_through_reloads(self):
        servers = [self.server(Server, name) for name in "abc"]
        six = self.server(Server, "six", "::1")
        self.open_street(relay(servers[0], servers[1], six))
        clients = [self.udp_client() for _ in range(CLIENTS)]
        before = [client.who() for client in clients]
        self.assertEqual({name for name, _, _ in before}, {"a", "b", "six"})
        handlers, ports = self.portier.config["handlers"], self.portier.config["ports"]
        handlers["echo"]["connect"].append(f"127.0.0.1:{servers[2].port}")
        self.reload()
        self.assertEqual([client.who() for client in clients], before)
        ports[self.key]["max_flows"] = 200_000
        ports[f"{street.free_port(socket.SOCK_DGRAM)}/udp"] = "echo"
        self.reload()
        self.assertEqual([client.who() for client in clients], before)
        self.assertEqual(self.total("flows_created_total"), CLIENTS)
        del handlers["echo"]["connect"][0]
        self.reload()
        after = [client.who() for client in clients]
        for old, new in zip(before, after):
            if old[0] == "a":
                self.assertIn(new[0], ("b", "c", "six"), "its server is gone, so it has another one")
            else:
                self.assertEqual(new, old)
        self.assertGreater(self.total("flows_closed_total", reason="handler_close"), 0)

    def test_end_when_their_port_comes_to_another_handler(self):
        self.open_street(relay(self.server(Server, "a")))
        handlers, ports = self.portier.config["handlers"], self.portier.config["ports"]
        clients = [self.udp_client() for _ in range(CLIENTS)]
        names = ["echo", *(f"echo-{number}" for number in range(6))]
        for rounds, (before, name) in enumerate(zip(names, names[1:]), 1):
            for client in clients:
                client.who()
            handlers[name] = handlers.pop(before)
            ports[self.key] = name
            self.reload()
            self.portier.wait_metric(0, "portier_flows_active", port=self.key)
            self.assertEqual(self.total("flows_created_total"), rounds * CLIENTS)
            self.assertEqual(self.total("flows_closed_total", reason="handler_close"), rounds * CLIENTS)

    def test_stay_when_the_router_is_killed(self):
        servers = [self.server(Server, "a"), self.server(Server, "b"), self.server(Server, "six", "::1")]
        self.open_street(relay(*servers))
        clients = [self.udp_client() for _ in range(CLIENTS)]
        before = [client.who() for client in clients]
        for _ in range(KILLS):
            pid = self.kill_router()
            # They come to a port that nobody reads, and wait there.
            self.assertEqual([client.who() for client in clients], before)
            self.assertNotEqual(self.portier.router_pid(), pid)
        self.assertEqual(self.total("flows_created_total"), CLIENTS)
        self.assertEqual(self.total("flows_active"), CLIENTS)
        newcomer = self.udp_client()
        self.assertNotIn(newcomer.who(), before)

    def test_killed_under_load_loses_no_more_than_it_held(self):
        self.open_street(relay(self.server(Server, "a")))
        client, busy = self.udp_client(), self.udp_client()
        before = client.who()
        stop = threading.Event()

        def talk():
            busy.socket.settimeout(5)
            while not stop.is_set():
                try:
                    busy.who()
                except TimeoutError:
                    lost.append(busy.count)
        lost = []
        talker = threading.Thread(target=talk)
        talker.start()
        try:
            for _ in range(KILLS):
                sent = self.total("datagrams_sent_total")
                street.wait_until(lambda: self.total("datagrams_sent_total") > sent + 100, "datagrams are moved")
                pid = self.kill_router()
                street.wait_until(lambda: self.portier.router_pid() not in (None, pid), "another router was started")
        finally:
            stop.set()
            talker.join()
        self.assertLessEqual(len(lost), KILLS, "only what was in the router's hands")
        self.assertEqual(client.who(), before)
        self.assertEqual(self.total("flows_created_total"), 2)

    def test_a_flood_of_strangers_leaves_old_flows_alone(self):
        self.open_street(relay(self.server(Server, "a")), "127.0.0.1:", max_flows=50)
        old = [self.udp_client() for _ in range(20)]
        for client in old:
            client.who()
        before = [client.who() for client in old]
        for _ in range(500):
            self.udp_client(source="127.0.0.3").who()
        self.assertEqual([client.who() for client in old], before)
        self.assertEqual(self.total("flows_active"), 50)
        self.assertEqual(self.total("flows_closed_total", reason="evicted"), 470)
        self.assertEqual(self.total("flows_created_total"), 520)

    def test_limits_and_lists(self):
        self.open_street(relay(self.server(Server, "a")), "127.0.0.1:", max_flows_per_source=2, deny=["127.0.0.9/32"])
        for _ in range(2):
            self.udp_client().who()
        self.udp_client().socket.send(b"one too many")
        self.udp_client(source="127.0.0.9").socket.send(b"not you")
        self.udp_client(source="127.0.0.5").who()
        self.portier.wait_metric(1, "portier_datagrams_dropped_total", port=self.key, reason="source_limit")
        self.portier.wait_metric(1, "portier_datagrams_dropped_total", port=self.key, reason="denied")


class Ends(UdpRelay):
    router = {"log": {"connections": True}}

    def test_an_idle_flow_is_one_line(self):
        self.open_street(relay(self.server(Echo, "")), "127.0.0.1:", flow_idle="200ms")
        client = self.udp_client()
        client.ask(b"twelve bytes")
        self.portier.wait_metric(1, "portier_flows_closed_total", port=self.key, reason="idle")
        self.assertEqual(self.total("flows_active"), 0)
        line, = self.portier.log_lines(message="flow")
        source = client.socket.getsockname()
        wanted = {"port": self.key, "handler": "echo", "process": "-", "delivery": "relay", "reason": "idle",
                  "client": f"{source[0]}:{source[1]}", "local": f"127.0.0.1:{self.port}", "received": 12, "sent": 12}
        self.assertEqual({key: line.get(key) for key in wanted}, wanted)
        self.assertGreater(line["duration"], 0.1)

    def test_the_end_of_portier_is_the_end_of_its_flows(self):
        self.open_street(relay(self.server(Echo, "")))
        for _ in range(100):
            self.udp_client().ask(b"hello")
        self.portier.close()
        self.assertEqual(len(self.portier.log_lines(message="flow", reason="handler_close")), 100)

    def test_a_port_that_is_removed_ends_its_flows(self):
        self.open_street(relay(self.server(Echo, "")))
        self.udp_client().ask(b"hello")
        ports = self.portier.config["ports"]
        ports[f"{street.free_port(socket.SOCK_DGRAM)}/udp"] = ports.pop(self.key)
        self.reload()
        street.wait_until(lambda: self.portier.log_lines(message="flow", reason="handler_close"), "its flow has ended")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
            again.bind(("127.0.0.1", self.port))  # nobody holds the port any more


if __name__ == "__main__":
    street.main()
