"""Handlers that start with their first guest and, if wanted, stop when nobody is there."""

import os
import signal
import socket

import street

SOON = "50ms"
CYCLES = 5
DELIVERIES = ("handoff", "inherit")


class OnDemand(street.Case):
    def open_street(self, delivery, **keys):
        self.port = street.free_port()
        self.other = street.free_port()
        echo = street.handler("echo", delivery=delivery, start="on_demand", **keys)
        self.portier = self.street({"echo": echo, "other": echo},
                                   {f"{self.port}/tcp": "echo", f"{self.other}/tcp": "other"})
        self.assertEqual(self.portier.processes("echo"), [])

    def served(self, port=None):
        client = self.client(port or self.port)
        self.assertTrue(street.ask(client))
        return client

    def wait_asleep(self, name="echo"):
        street.wait_until(lambda: not self.portier.processes(name), f"{name} has no process")


class Start(OnDemand):
    def test_with_the_first_connection(self):
        for delivery in DELIVERIES:
            with self.subTest(delivery=delivery):
                self.open_street(delivery)
                self.assertEqual(self.portier.get("/readyz")[0], 200, "who waits for guests is ready")
                self.served()
                pids = self.portier.pids("echo")
                self.assertEqual(len(pids), 1)
                self.served().close()
                self.assertEqual(self.portier.pids("echo"), pids, "who is there already serves the next one")
                self.assertEqual(self.portier.processes("other"), [], "only who is wanted starts")

    def test_many_at_once_start_it_once(self):
        for delivery in DELIVERIES:
            with self.subTest(delivery=delivery):
                self.open_street(delivery, processes=2)
                clients = [self.client(self.port) for _ in range(100)]
                for client in clients:
                    self.assertTrue(street.ask(client))
                street.wait_until(lambda: len(self.portier.pids("echo")) == 2, "both processes are there")
                self.assertEqual(len(self.portier.log_lines(message="process started", handler="echo")), 2)

    def test_after_the_router_died(self):
        for delivery in DELIVERIES:
            with self.subTest(delivery=delivery):
                self.open_street(delivery)
                os.kill(self.portier.router_pid(), signal.SIGKILL)
                self.served()

    def test_a_reload_leaves_it_asleep(self):
        for delivery in DELIVERIES:
            with self.subTest(delivery=delivery):
                self.open_street(delivery)
                self.portier.config["handlers"]["echo"] |= {"env": {"FRESH": "1"}}
                self.portier.write()
                self.assertEqual(self.portier.command("reload").stdout, "reloaded, generation 2\n")
                self.assertEqual(self.portier.processes("echo"), [])
                self.served()
                with open(f"/proc/{self.portier.pids('echo')[0]}/environ", "rb") as environment:
                    self.assertIn(b"FRESH=1", environment.read().split(b"\0"))

    def test_with_the_first_datagram(self):
        port = street.free_port(socket.SOCK_DGRAM)
        echo = street.handler("echo", delivery="inherit", start="on_demand")
        self.portier = self.street({"echo": echo}, {f"{port}/udp": "echo"})
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(street.PATIENCE)
            client.connect(("127.0.0.1", port))
            self.wait_asleep()
            for number in range(CYCLES):
                request = f"datagram {number}".encode()
                client.send(request)
                self.assertEqual(client.recv(100), request)


class Stop(OnDemand):
    def test_when_idle_and_again_when_wanted(self):
        for delivery in DELIVERIES:
            with self.subTest(delivery=delivery):
                self.open_street(delivery, stop_when_idle=SOON)
                seen = set()
                for _ in range(CYCLES):
                    with self.served():
                        seen.add(self.portier.pids("echo")[0])
                    self.wait_asleep()
                self.assertEqual(len(seen), CYCLES, "each time it was another process")
                restarts = self.portier.metrics().total("portier_handler_restarts_total", handler="echo")
                self.assertEqual(restarts, 0, "to sleep is no crash")
                metrics = self.portier.metrics()
                accepted = metrics.of("portier_connections_accepted_total", port=f"{self.port}/tcp")
                self.assertEqual(accepted, CYCLES)

    def test_not_while_somebody_is_there(self):
        for delivery in DELIVERIES:
            with self.subTest(delivery=delivery):
                self.open_street(delivery, stop_when_idle=SOON)
                guest = self.served()
                pids = self.portier.pids("echo")
                for _ in range(3):  # the other one sleeps meanwhile, with the same patience
                    self.served(self.other).close()
                    self.wait_asleep("other")
                self.assertEqual(self.portier.pids("echo"), pids)
                self.assertTrue(street.ask(guest))
                guest.close()
                self.wait_asleep()

    def test_each_process_for_itself(self):
        self.open_street("handoff", processes=3, stop_when_idle=SOON)
        guest = self.served()
        street.wait_until(lambda: len(self.portier.processes("echo")) == 1, "who has no guest sleeps")
        self.assertTrue(street.ask(guest))
        self.served()
        self.assertTrue(street.ask(guest))

    def test_no_guest_falls_between_the_chairs(self):
        """Guests come while it goes to sleep, as near to that moment as can be seen from outside."""
        for delivery in DELIVERIES:
            with self.subTest(delivery=delivery):
                self.open_street(delivery, stop_when_idle=SOON)
                seen = set()
                while len(seen) < CYCLES:
                    self.served().close()
                    awake = set(self.portier.pids("echo").values())
                    seen |= awake
                    street.wait_until(lambda: awake.isdisjoint(self.portier.pids("echo").values()), "it leaves")
                self.served()


if __name__ == "__main__":
    street.main()
