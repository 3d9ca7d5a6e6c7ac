"""The router runs out of descriptors because a handler takes nothing: that port pauses, nothing spins, the others and the
metrics go on, and when there are descriptors again everybody who waited is served.
"""

import os
import pwd
import resource
import signal
import time

import kernel
import standstill
import street

LIMIT = 160      # of the router; it holds about 25 without guests
WAITING = 300    # more than that
BUSY = 0.1       # of a processor: a router that spins takes a whole one
WINDOW = 2.0  # seconds


class Descriptors(street.Case):
    def setUp(self):
        super().setUp()
        self.stuck, self.lively = street.free_port(), street.free_port()
        handlers = {"stuck": street.handler("echo", limits={"open_files": 4096}), "lively": street.handler("echo")}
        # Our own user, because prlimit(2) of another one's process would need a capability.
        router = {"user": pwd.getpwuid(0).pw_name} if os.geteuid() == 0 else {}
        self.portier = self.street(handlers, {f"{self.stuck}/tcp": "stuck", f"{self.lively}/tcp": "lively"}, router)
        self.router = self.portier.router_pid()
        (self.process,) = self.portier.pids("stuck").values()

    def ask_anew(self, port):
        with street.connect(port) as client:
            self.assertTrue(street.ask(client))

    def limit(self, soft, pid=None):
        hard = resource.prlimit(pid or self.router, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(pid or self.router, resource.RLIMIT_NOFILE, (soft, hard))

    def start_router_with(self, soft):
        """Another router, which has the keeper's limit."""
        self.limit(soft, self.portier.pid)
        os.kill(self.router, signal.SIGKILL)
        street.wait_until(lambda: self.portier.router_pid() not in (None, self.router), "another router was started")
        self.router = self.portier.router_pid()
        for port in (self.stuck, self.lively):
            self.ask_anew(port)

    def stop_taking(self):
        standstill.halt(self.process)
        self.addCleanup(self.take_again)

    def take_again(self):
        os.kill(self.process, signal.SIGCONT)

    def warnings(self):
        return [line for line in self.portier.log_lines(role="router", level="warning") if "pauses" in line["message"]]

    def wait_warnings(self, count):
        street.wait_until(lambda: len(self.warnings()) >= count, "the log tells that a port pauses")

    def assert_calm(self):
        """After a warning, while nobody asks for anything, the router hardly runs."""
        self.wait_warnings(1)
        cpu, begin = kernel.cpu_seconds(self.router), time.monotonic()
        street.wait_until(lambda: time.monotonic() > begin + WINDOW, "the measurement is over")
        spent, elapsed = kernel.cpu_seconds(self.router) - cpu, time.monotonic() - begin
        self.assertLess(spent, BUSY * elapsed, f"{spent:.2f} s of {elapsed:.2f} s")

    def assert_all_served(self, clients):
        for client in clients:
            self.assertTrue(street.ask(client))
        self.assertEqual(self.portier.router_pid(), self.router)


class NobodyTakes(Descriptors):
    def test_others_and_the_metrics_go_on(self):
        self.start_router_with(LIMIT)
        self.stop_taking()
        clients = [self.client(self.stuck) for _ in range(WAITING)]
        self.assert_calm()
        self.assertLessEqual(len(kernel.descriptors(self.router)), LIMIT)
        for _ in range(50):
            self.ask_anew(self.lively)
        metrics = self.portier.metrics()
        accepted = metrics.of("portier_connections_accepted_total", port=f"{self.stuck}/tcp")
        self.assertLess(accepted, LIMIT)
        self.assertEqual(self.portier.get("/healthz")[0], 200)
        self.take_again()
        self.assert_all_served(clients)
        self.ask_anew(self.stuck)

    def test_more_descriptors_let_more_in(self):
        self.start_router_with(LIMIT)
        self.stop_taking()
        clients = [self.client(self.stuck) for _ in range(WAITING)]
        self.wait_warnings(1)
        self.limit(LIMIT + 2 * WAITING)
        self.take_again()
        self.assert_all_served(clients)


class NoneAtAll(Descriptors):
    def test_nothing_spins_and_nobody_is_lost(self):
        self.limit(3)  # for new ones; it keeps what it has
        clients = [self.client(port) for port in (self.stuck, self.lively) * 10]
        at_the_page = self.client(self.portier.admin_port)
        at_the_page.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.assert_calm()
        self.limit(LIMIT)
        self.assert_all_served(clients)
        self.assertTrue(at_the_page.recv(4096).startswith(b"HTTP/1.1 200 "))
        metrics = self.portier.metrics()
        for port in (self.stuck, self.lively):
            self.assertGreater(metrics.of("portier_connections_rejected_total", port=f"{port}/tcp", reason="error"), 0)
            self.assertEqual(metrics.of("portier_connections_accepted_total", port=f"{port}/tcp"), 10)


if __name__ == "__main__":
    street.main()
