"""What the tests of the handoff dialects share: a pool of unmodified programs, and what has to hold for each dialect when
a process, the router or the configuration goes."""

import os
import select
import signal

import callers
import kernel
import standstill
import street

KILLS = 5


class Dialect(street.Case):
    """`pool(**keys)` is the handler of a program that answers a request with its process id."""

    half_a_request, other_half = b"", b""

    def ask(self, client):
        client.sendall(self.half_a_request + self.other_half)

    def open_street(self, *mode, **keys):
        self.port = street.free_port()
        self.key = f"{self.port}/tcp"
        self.portier = self.street({"pool": self.pool(*mode, **keys), **self.others()},
                                   {self.key: "pool", **self.other_ports()})
        return self.portier

    def others(self):
        return {}

    def other_ports(self):
        return {}

    def pids(self):
        return self.portier.pids("pool")

    def wait_all_closed(self):
        self.portier.wait_metric(0, "portier_connections_active", port=self.key)
        street.wait_until(lambda: self.portier.metrics().total("portier_handler_connections_active", handler="pool") == 0,
                          "no process has a connection")

    def stop_first(self):
        """Process 0 stands still with connections under way to it, which nobody answers."""
        pid = self.pids()[0]
        standstill.halt(pid)
        self.addCleanup(self.go_on, pid)
        clients = [self.client(self.port) for _ in range(8)]  # in turn to each of the two
        for client in clients:
            self.ask(client)
        waiting = list(clients)
        while len(waiting) > len(clients) // 2:
            for client in select.select(waiting, [], [], street.PATIENCE)[0]:
                self.assertNotEqual(self.answer(client), pid)
                waiting.remove(client)
        return pid, waiting

    @staticmethod
    def go_on(pid):
        if kernel.is_running(pid):
            os.kill(pid, signal.SIGCONT)

    def who(self, client):
        self.ask(client)
        return self.answer(client)

    def call(self):
        with street.connect(self.port) as client:
            self.who(client)

    def kill_router(self):
        pid = self.portier.router_pid()
        os.kill(pid, signal.SIGKILL)
        street.wait_until(lambda: self.portier.router_pid() not in (None, pid), "another router was started")

    def check_every_process_serves(self):
        self.open_street(processes=3)
        street.wait_until(lambda: {self.who(self.client(self.port)) for _ in range(6)} == set(self.pids().values()),
                          "each has had its turn")

    def check_what_a_dead_process_had_not_taken(self):
        """Process 0 dies before it has read what was sent to it: everybody is served by somebody else."""
        self.open_street(processes=2)
        pid, waiting = self.stop_first()
        os.kill(pid, signal.SIGKILL)
        for client in waiting:
            self.assertNotEqual(self.answer(client), pid)
        self.portier.wait_metric(1, "portier_handler_restarts_total", handler="pool", reason="signal")

    def check_the_channel_outlives_the_router(self):
        """What process 0 had not read when the router died is its own, and it gets more from the next router."""
        self.open_street(processes=2)
        pid, waiting = self.stop_first()
        self.kill_router()
        self.assertNotEqual(self.who(self.client(self.port)), pid)
        os.kill(pid, signal.SIGCONT)
        self.assertEqual([self.answer(client) for client in waiting], [pid] * len(waiting))
        street.wait_until(lambda: self.who(self.client(self.port)) == pid, "process 0 gets connections again")

    def check_router_killed_under_load(self):
        self.open_street(processes=2)
        held = [self.client(self.port) for _ in range(20)]
        served = [self.who(client) for client in held]
        load = self.load()
        accepted = 0
        for _ in range(KILLS):
            street.wait_until(lambda: self.accepted() > accepted + 100, "the router accepts")
            self.kill_router()
            accepted = self.accepted()
        street.wait_until(lambda: self.accepted() > accepted + 100, "the last router accepts")
        report = load.finish()
        failures = report["failures"]
        broken = failures["reset_before_request"] + failures["reset_after_request"] + failures["short"]
        self.assertEqual(failures["total"], broken, failures)
        self.assertLessEqual(broken, KILLS)
        self.assertEqual([self.who(client) for client in held], served)
        for client in held:
            client.close()
        self.wait_all_closed()
        self.assertEqual(self.portier.metric("portier_router_restarts_total", reason="signal"), KILLS)
        uncounted = len(held) + report["connections"] - self.accepted()
        self.assertGreaterEqual(uncounted, 0)
        self.assertLessEqual(uncounted, broken)

    def accepted(self):
        return self.portier.metric("portier_connections_accepted_total", port=self.key)

    def load(self):
        return self.guests("crr", self.port, "--concurrency", 16)

    def check_reload_replaces_the_processes(self):
        """Under load, and guests who stay keep their process, which ends by itself once they have gone."""
        self.open_street(processes=2)
        stays = self.client(self.port)
        old = self.who(stays)
        others = set(self.pids().values()) - {old}
        guests = callers.Callers(self, self.call)
        stays.sendall(self.half_a_request)
        self.portier.config["handlers"]["pool"]["env"] = {"NUMBER": "2"}
        self.portier.write()
        self.assertEqual(self.portier.command("reload").returncode, 0)
        self.assertFalse({old, *others} & set(self.pids().values()))
        street.wait_until(lambda: not any(map(kernel.is_running, others)), "those without a guest have ended")
        self.assertGreater(guests.finish(), 0)
        stays.sendall(self.other_half)
        self.assertEqual(self.answer(stays), old)
        stays.close()
        street.wait_until(lambda: not kernel.is_running(old), "the last one has ended")
        ends = self.portier.log_lines(message="process ended", handler="pool")
        self.assertEqual({line["reason"] for line in ends}, {"exit code 0"}, ends)
        self.wait_all_closed()

    def check_counters(self):
        self.open_street(processes=2)
        clients = [self.client(self.port) for _ in range(6)]
        for client in clients:
            self.who(client)
        self.portier.wait_metric(6, "portier_connections_active", port=self.key)
        for process in "0", "1":
            self.portier.wait_metric(3, "portier_handler_connections_active", handler="pool", process=process)
        for client in clients:
            client.close()
        self.portier.wait_metric(6, "portier_connections_closed_total", port=self.key, reason="client_close")
        self.wait_all_closed()
        metrics = self.portier.metrics()
        self.assertEqual(metrics.of("portier_dispatch_duration_seconds_count", delivery="handoff"), 6)
        for name in "portier_received_bytes_total", "portier_sent_bytes_total":
            self.assertGreater(metrics.of(name, port=self.key), 0)
