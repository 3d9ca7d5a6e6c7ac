"""kill -9 of the router, again and again: nobody who is connected notices, nobody who comes is refused."""

import os
import resource
import signal

import kernel
import standstill
import street

KILLS = 10
# Three sockets for each: ours, and while it is handed over one in the router and one in the process.
HELD = min(10_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 1000)
HELD_BY_INHERIT = min(1000, HELD)


class RouterCrash(street.Case):
    def setUp(self):
        super().setUp()
        self.handed, self.inherited = street.free_port(), street.free_port()
        self.key = f"{self.handed}/tcp"
        handlers = {"handed": street.handler("echo", processes=2),
                    "inherited": street.handler("echo", processes=2, delivery="inherit")}
        self.portier = self.street(handlers, {self.key: "handed", f"127.0.0.1:{self.inherited}/tcp": "inherited"})

    def test_a_router_that_hangs_is_replaced(self):
        """Also when nobody asks anything of it."""
        router = self.portier.router_pid()
        standstill.halt(router)
        guest = self.client(self.handed)
        self.assertTrue(street.ask(guest))
        self.assertNotEqual(self.portier.router_pid(), router)
        self.assertTrue(self.portier.log_lines(message="the router does not answer, another one is started"))

    def kill_router(self):
        """Kills it and waits until another one has accepted connections; the counters must not have fallen back."""
        before = self.portier.metrics()
        accepted = before.of("portier_connections_accepted_total", port=self.key)
        pid = self.portier.router_pid()
        os.kill(pid, signal.SIGKILL)
        street.wait_until(lambda: self.portier.router_pid() not in (None, pid), "another router was started")
        street.wait_until(lambda: self.portier.metric("portier_connections_accepted_total", port=self.key)
                          > accepted + 200, "the new router accepts")
        after = self.portier.metrics()
        for (name, labels), value in before.items():
            if name.startswith("portier_") and name.endswith(("_total", "_bucket", "_count", "_sum")):
                self.assertGreaterEqual(after[name, labels], value, f"{name}{set(labels)} fell back")

    def wait_all_closed(self):
        for port in (self.key, f"127.0.0.1:{self.inherited}/tcp"):
            self.portier.wait_metric(0, "portier_connections_active", port=port)
        for name in ("handed", "inherited"):
            street.wait_until(lambda: self.portier.metrics().total("portier_handler_connections_active", handler=name)
                              == 0, f"no process of {name} has a connection")

    def test_killed_under_load(self):
        held = self.guests("hold", self.handed, "--connections", HELD, "--greet")
        held_by_inherit = self.guests("hold", self.inherited, "--connections", HELD_BY_INHERIT, "--greet")
        counters = kernel.counters()
        load = self.guests("crr", self.handed, "--concurrency", 64)
        load_by_inherit = self.guests("crr", self.inherited, "--concurrency", 8)
        for _ in range(KILLS):
            self.kill_router()
        came = load.finish()
        came_by_inherit = load_by_inherit.finish()
        deltas = {name: value - counters[name] for name, value in kernel.counters().items()}

        failures = came["failures"]
        broken = failures["reset_before_request"] + failures["reset_after_request"] + failures["short"]
        self.assertEqual(failures["refused"], 0)
        self.assertEqual(failures["total"], broken, failures)
        self.assertLessEqual(broken, KILLS)
        self.assert_no_failures(came_by_inherit)  # the router is not in their way
        for report, count in ((held.finish(), HELD), (held_by_inherit.finish(), HELD_BY_INHERIT)):
            self.assert_no_failures(report)
            self.assertEqual((report["ok"], report["held"]), (count, count))
        if self.isolated:
            self.assertEqual(deltas["TcpExt.ListenDrops"], 0)
            self.assertLessEqual(deltas["Tcp.EstabResets"], 2 * KILLS)  # both ends count it

        self.wait_all_closed()
        metrics = self.portier.metrics()
        self.assertEqual(metrics.of("portier_router_restarts_total", reason="signal"), KILLS)
        self.assertEqual(metrics.of("portier_router_restarts_total", reason="exit"), 0)
        # A router that is killed between accepting and counting takes that one with it.
        uncounted = HELD + came["connections"] - metrics.of("portier_connections_accepted_total", port=self.key)
        self.assertGreaterEqual(uncounted, 0)
        self.assertLessEqual(uncounted, broken)
        # What the dead had accepted and not passed is the only thing that nobody can tell the end of.
        self.assertLessEqual(metrics.of("portier_connections_closed_total", port=self.key, reason="unknown"), KILLS)

    def test_killed_while_nobody_comes(self):
        client = self.client(self.handed)
        self.assertTrue(street.ask(client))
        pid = self.portier.router_pid()
        os.kill(pid, signal.SIGKILL)
        late = self.client(self.handed)  # into the kernel's queue, whoever accepts
        self.assertTrue(street.ask(late))
        self.assertTrue(street.ask(client))
        self.assertNotEqual(self.portier.router_pid(), pid)
        self.portier.wait_metric(2, "portier_connections_active", port=self.key)
        client.close()
        late.close()
        self.wait_all_closed()


if __name__ == "__main__":
    street.main()
