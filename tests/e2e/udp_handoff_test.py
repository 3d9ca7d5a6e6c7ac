"""UDP by handoff: every flow has a socket of its own in a process, and none of its datagrams is lost, doubled or
reordered on the way there, whatever happens to portier meanwhile."""

import os
import pathlib
import select
import signal
import socket

import street

CLIENTS = 150
ROUNDS = 60
MOST_UNDER_WAY = 2000  # half of what the queue of the shared socket holds, should the router not run for a moment
EXAMPLE = pathlib.Path(__file__).parents[2] / "config" / "examples" / "handoff-udp.yaml"


class Client:
    """One flow: sends numbered datagrams and keeps the replies."""

    def __init__(self, case, address):
        self.socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM)
        case.addCleanup(self.socket.close)
        self.socket.connect(address)  # so only replies from the address that was asked arrive
        self.socket.setblocking(False)
        self.sent = 0
        self.replies = []

    def send(self):
        self.socket.send(b"%d" % self.sent)
        self.sent += 1

    def read(self):
        while True:
            try:
                self.replies.append(int(self.socket.recv(100)))
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                pass  # nobody served the port for a moment


class UdpHandoff(street.Case):
    def open(self, place="{}", processes=1, **port_keys):
        self.port = street.free_port(socket.SOCK_DGRAM)
        self.key = place.format(self.port) + "/udp"
        echo = street.handler("echo", processes=processes, stop={"timeout": "1s"})
        self.portier = self.street({"echo": echo}, {self.key: {"handler": "echo", "flow_idle": "5m", **port_keys}},
                                   router={"drain_timeout": "1s"})

    def clients(self, count, host="127.0.0.1"):
        return [Client(self, (host, self.port)) for _ in range(count)]

    def test_stop_says_that_flows_are_waited_for(self):
        self.open()
        self.talk(self.clients(2), rounds=1)
        done = self.portier.command("stop")
        self.assertEqual((done.stdout, done.stderr),
                         ("stopped\n", "waiting for 2 flows, 2 s at most; Ctrl-C leaves portier stopping\n"))

    def talk(self, clients, rounds=ROUNDS):
        for _ in range(rounds):
            for client in clients:
                client.send()
            for client in clients:
                client.read()
            self.wait_for_room(clients)
        self.wait_answered(clients)

    def wait_for_room(self, clients):
        def has_room():
            for client in clients:
                client.read()
            return sum(client.sent - len(client.replies) for client in clients) < MOST_UNDER_WAY
        street.wait_until(has_room, "some are answered")

    def wait_answered(self, clients):
        def answered():
            waiting = [client.socket for client in clients if len(client.replies) < client.sent]
            select.select(waiting, [], [], 0.1)
            for client in clients:
                client.read()
            return all(len(client.replies) >= client.sent for client in clients)
        try:
            street.wait_until(answered, "all are answered", patience=20)
        except AssertionError:
            missing = [sorted({*range(client.sent)} - {*client.replies}) for client in clients]
            self.fail(f"missing: {[numbers for numbers in missing if numbers]}, dropped: {self.dropped()}")
        for client in clients:
            self.assertEqual(client.replies, list(range(client.sent)), "every datagram once and in order")

    def flows(self, name="portier_flows_active"):
        return self.portier.metric(name, port=self.key)

    def wait_flows(self, wanted):
        street.wait_until(lambda: self.flows() == wanted, f"there are {wanted} flows")

    def closed(self, reason):
        return self.portier.metric("portier_flows_closed_total", port=self.key, reason=reason)

    def dropped(self):
        return {reason: count for labels, count in
                self.portier.metrics().all("portier_datagrams_dropped_total", port=self.key).items()
                for reason in [dict(labels)["reason"]] if count}

    def test_from_the_first_moment(self):
        """Everybody sends without waiting for a reply, on a port of every address and on one of a single address."""
        for place in ("{}", "127.0.0.1:{}"):
            with self.subTest(place):
                self.open(place, processes=2)
                clients = self.clients(CLIENTS)
                self.talk(clients)
                self.assertEqual(self.flows("portier_flows_created_total"), CLIENTS)
                self.assertEqual(self.flows(), CLIENTS)
                self.assertEqual(self.dropped(), {})
                per_process = self.portier.metrics().all("portier_handler_connections_active", handler="echo")
                self.assertEqual(sum(per_process.values()), CLIENTS)
                self.assertTrue(all(per_process.values()), per_process)

    def test_the_address_that_was_asked(self):
        self.open()
        hosts = [f"127.0.0.{number}" for number in range(1, 255)]
        clients = [client for host in hosts for client in self.clients(1, host)] + self.clients(20, "::1")
        self.talk(clients, 3)
        self.assertEqual(self.flows(), len(clients))

    def test_ends_and_room(self):
        """The kernel tells when a flow has ended; who was silent longest makes room; who is silent too long ends."""
        self.open(max_flows=3, flow_idle="1s")
        first, *others = clients = self.clients(3)
        self.talk(clients, 1)
        self.talk(others, 1)
        fourth = self.clients(1)
        self.talk(fourth, 3)
        self.assertEqual(self.closed("evicted"), 1)
        street.wait_until(lambda: self.flows() == 0, "all flows were silent for too long")
        self.assertEqual(self.closed("handler_close"), 3)
        self.talk([first], 2)
        self.assertEqual(self.flows("portier_flows_created_total"), 5)
        self.assertEqual(self.dropped(), {})

    def test_sources(self):
        self.open(max_flows_per_source=2, deny=["127.0.0.3"])
        clients = self.clients(2)
        self.talk(clients, 2)
        self.clients(1)[0].send()
        street.wait_until(lambda: self.dropped() == {"source_limit": 1}, "the third flow is refused")

    def test_a_process_dies(self):
        """Its flows go on in another one; others do not notice."""
        self.open(processes=2)
        clients = self.clients(40)
        self.talk(clients, 5)
        os.kill(self.portier.pids("echo")[0], signal.SIGKILL)
        self.wait_flows(20)
        self.talk(clients, 5)
        self.assertEqual(self.flows(), 40)
        self.assertEqual(self.closed("handler_close"), 20)

    def test_the_router_dies(self):
        """Flows go on without it, and the next one knows them."""
        self.open(processes=2)
        clients = self.clients(40)
        self.talk(clients, 5)
        pids = self.portier.pids("echo")
        router = self.portier.router_pid()
        os.kill(router, signal.SIGKILL)
        self.talk(clients, 20)
        street.wait_until(lambda: self.portier.router_pid() not in (None, router), "another router was started")
        self.talk(clients + self.clients(10), 5)
        self.assertEqual(self.flows(), 50)
        self.assertEqual(self.flows("portier_flows_created_total"), 50)
        self.assertEqual(self.portier.pids("echo"), pids)
        os.kill(pids[0], signal.SIGKILL)
        self.wait_flows(25)

    def test_a_reload_keeps_flows(self):
        self.open()
        clients = self.clients(40)
        self.talk(clients, 5)
        self.portier.config["ports"][self.key]["flow_idle"] = "4m"
        self.portier.write()
        done = self.portier.command("reload")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.talk(clients + self.clients(10), 20)
        self.assertEqual(self.flows("portier_flows_created_total"), 50)

    def test_the_example(self):
        text = EXAMPLE.read_text()
        self.port, admin = street.free_port(socket.SOCK_DGRAM), street.free_port()
        self.key = f"{self.port}/udp"
        self.portier = self.street({"echo": {"processes": 2}}, {}, start=False)
        self.portier.admin_port = admin
        here = {"7005/udp": self.key, "127.0.0.1:7000": f"127.0.0.1:{admin}", "flow_idle: 30s": "flow_idle: 1s",
                "../../build/handlers": str(street.BUILD / "handlers")}
        for written, wanted in here.items():
            self.assertIn(written, text)
            text = text.replace(written, wanted)
        self.portier.write = lambda: self.portier.file.write_text(text)
        self.portier.start()
        clients = self.clients(40)
        self.talk(clients, 10)
        self.assertEqual(self.flows(), 40)
        self.wait_flows(0)


if __name__ == "__main__":
    street.main()
