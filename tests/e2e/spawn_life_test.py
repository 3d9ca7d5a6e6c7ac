"""Spawned processes through a router's death, a reload and a stop; hostile ones; and that nothing is left behind."""

import contextlib
import os
import signal
import time

import kernel
import standstill
import street

SERVE = "echo there; read word; echo $$word"
SHORT_ONES = 3000
ABREAST = 32


class Life(street.Case):
    def open_street(self, script=SERVE, port=None, router=None, **keys):
        self.port = street.free_port()
        self.handler = {"delivery": "spawn", "style": "inetd", "command": ["/bin/sh", "-c", script], **keys}
        self.portier = self.street({"git": self.handler}, {f"{self.port}/tcp": {"handler": "git", **(port or {})}}, router)

    def served(self, source=None):
        client = self.client(self.port, source)
        self.assertEqual(street.exactly(client, 6), b"there\n")
        return client

    def served_at_last(self, source=None):
        """A client may see the end of a process before we do."""
        def served():
            with contextlib.suppress(EOFError, ConnectionResetError):
                return self.served(source)
            return None
        return street.wait_until(served, "there is room again")

    def finish(self, client, word=b"bye\n"):
        client.sendall(b"bye\n")
        self.assertEqual(street.exactly(client, len(word)), word)
        self.assertEqual(client.recv(1), b"")

    def spawned(self):
        return [pid for pid in kernel.children(self.portier.pid) if pid != self.portier.router_pid()]

    def wait_none(self):
        street.wait_until(lambda: not self.spawned(), "all have ended")

    def kill_router(self):
        router = self.portier.router_pid()
        os.kill(router, signal.SIGKILL)
        street.wait_until(lambda: self.portier.router_pid() not in (router, None), "another router is there")


class RouterDies(Life):
    def test_processes_go_on_and_still_count(self):
        self.open_street(max_processes=3, max_processes_per_source=2, port={"over_limit": "reset"})
        first, second = self.served("127.0.0.2"), self.served("127.0.0.2")
        self.kill_router()
        with self.assertRaises((ConnectionResetError, EOFError)):
            self.served("127.0.0.2")
        third = self.served("127.0.0.3")
        with self.assertRaises((ConnectionResetError, EOFError)):
            self.served("127.0.0.4")
        for client in (first, second, third):
            self.finish(client)
        self.finish(self.served_at_last("127.0.0.2"))
        port = f"{self.port}/tcp"
        self.portier.wait_metric(0, "portier_connections_active", port=port)
        self.portier.wait_metric(4, "portier_connections_closed_total", port=port, reason="handler_close")

    def test_many_times_while_clients_come(self):
        self.open_street("echo ok")
        lost = 0
        for _ in range(10):
            for _ in range(20):
                client = street.connect(self.port)
                with client:
                    try:
                        lost += street.exactly(client, 3) != b"ok\n"
                    except (EOFError, ConnectionResetError):
                        lost += 1
            self.kill_router()
        self.assertLessEqual(lost, 10, "a router that dies takes at most the one in its hands with it")
        self.wait_none()


class Reload(Life):
    def reload(self):
        self.portier.write()
        answer = self.portier.command("reload")
        self.assertEqual(answer.returncode, 0, answer.stderr)

    def test_a_change_is_for_the_next(self):
        self.open_street()
        before = self.served()
        self.handler["command"][-1] = "echo there; read word; echo new"
        self.reload()
        self.finish(self.served(), b"new\n")
        self.finish(before)

    def test_a_removed_handler_may_finish(self):
        self.open_street(router={"drain_timeout": "1h"})
        before = self.served()
        self.portier.config["handlers"] = {"veg": street.handler("echo")}
        self.portier.config["ports"] = {f"{self.port}/tcp": "veg"}
        self.reload()
        self.assertTrue(street.ask(self.client(self.port)))
        self.finish(before)

    def test_but_not_for_ever(self):
        self.open_street(script="trap '' TERM; echo there; while :; do sleep 0.1; done", stop={"timeout": "100ms"},
                         router={"drain_timeout": "100ms"})
        before = self.served()
        self.portier.config["handlers"] = {"veg": street.handler("echo")}
        self.portier.config["ports"] = {f"{self.port}/tcp": "veg"}
        self.reload()
        self.assertEqual(before.recv(1), b"")

    def test_limits_count_those_who_stay(self):
        self.open_street(max_processes=4, port={"over_limit": "close"})
        clients = [self.served() for _ in range(3)]
        self.handler["max_processes"] = 3
        self.reload()
        self.assertEqual(self.client(self.port).recv(1), b"")
        self.finish(clients.pop())
        clients.append(self.served_at_last())
        for client in clients:
            self.finish(client)

    def test_an_end_comes_after_the_plan_that_calls_it_running(self):
        """Both wait for a router that stands still: read in the other order, the place would be taken for good."""
        self.open_street(max_processes=1)
        before = self.served()
        standstill.halt(self.portier.router_pid())
        self.portier.config["router"]["drain_timeout"] = "7s"
        self.portier.write()
        self.portier.process.send_signal(signal.SIGHUP)
        street.wait_until(lambda: self.portier.status()["stop_seconds"] == 17, "the plan is on its way")
        self.finish(before)
        self.wait_none()
        os.kill(self.portier.router_pid(), signal.SIGCONT)
        self.finish(self.served())
        self.assertEqual(self.portier.metrics().total("portier_router_restarts_total"), 0)

    def test_from_one_delivery_to_the_other_and_back(self):
        self.open_street()
        spawn, echo = dict(self.handler), street.handler("echo")
        for _ in range(3):
            before = self.served()
            self.portier.config["handlers"] = {"git": echo}
            self.reload()
            self.assertTrue(street.ask(self.client(self.port)))
            self.portier.config["handlers"] = {"git": spawn}
            self.reload()
            self.finish(before)
            self.finish(self.served())


class Stop(Life):
    def test_who_serves_may_finish(self):
        self.open_street(router={"drain_timeout": "1h"})
        client = self.served()
        self.portier.process.terminate()
        street.wait_until(lambda: self.portier.log_lines(message="stopping"), "it stops")
        self.finish(client)
        self.assertEqual(self.portier.wait_ended(), 0)

    def test_then_the_signal_then_the_end(self):
        self.open_street(script="trap 'echo asked' TERM; echo there; while :; do sleep 0.1; done",
                         stop={"timeout": "200ms"}, router={"drain_timeout": "200ms"})
        client = self.served()
        self.portier.process.terminate()
        self.assertEqual(street.exactly(client, 6), b"asked\n")
        self.assertEqual(client.recv(1), b"")
        self.assertEqual(self.portier.wait_ended(), 0)


class Hostile(Life):
    def test_a_child_in_the_group_ends_with_its_leader(self):
        self.open_street("sleep 1000 & echo $$!")
        client = self.client(self.port)
        child = int(client.makefile().read())
        street.wait_until(lambda: not kernel.is_running(child), "no orphan stays")

    def test_who_closes_its_connection_and_stays_is_a_process_still(self):
        self.open_street("exec 0<&- 1>&- 2>&-; exec sleep 1000", router={"drain_timeout": "100ms"})
        self.assertEqual(self.client(self.port).recv(1), b"")
        self.assertEqual(len(self.spawned()), 1)

    def test_who_becomes_a_daemon_is_let_go(self):
        """Another session is out of our reach, but it costs nothing here, and its connection is counted as long as it is
        open."""
        self.open_street("setsid sh -c 'echo $$$$; read word; echo $$word'")
        client = self.client(self.port)
        lines = client.makefile()
        daemon = int(lines.readline())
        client.sendall(b"word\n")
        self.assertEqual(lines.readline(), "word\n")
        street.wait_until(lambda: not kernel.is_running(daemon), "it has ended")

    def test_clients_that_leave_at_once(self):
        self.open_street()
        for number in range(200):
            client = street.connect(self.port)
            if number % 2:
                client.setsockopt(street.socket.SOL_SOCKET, street.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
        self.wait_none()
        self.finish(self.served())


class Nothing(Life):
    def descriptors(self):
        return {role: len(os.listdir(f"/proc/{pid}/fd"))
                for role, pid in (("keeper", self.portier.pid), ("router", self.portier.router_pid()))}

    def no_more_than(self, before):
        """Fewer is fine: the connection of a scrape may just have been open when they were counted."""
        return all(count <= before[role] for role, count in self.descriptors().items())

    def test_is_left_behind(self):
        """Thousands of short processes: no descriptor, no zombie, exact counts; prints how many a second."""
        for style in ("inetd", "ucspi"):
            with self.subTest(style=style):
                self.open_street(style=style, max_processes=64)
                self.portier.config["handlers"]["git"] = {**self.handler, "command": ["/bin/true"]}
                self.portier.write()
                self.assertEqual(self.portier.command("reload").returncode, 0)
                self.run_short_ones(200)
                self.wait_none()
                before = self.descriptors()
                begin = time.monotonic()
                self.run_short_ones(SHORT_ONES)
                rate = SHORT_ONES / (time.monotonic() - begin)
                print(f"{style}: {rate:.0f} processes a second", flush=True)
                self.wait_none()
                street.wait_until(lambda before=before: self.no_more_than(before), "no descriptor is left")
                port, total = f"{self.port}/tcp", SHORT_ONES + 200
                self.portier.wait_metric(0, "portier_connections_active", port=port)
                self.portier.wait_metric(total, "portier_handler_exits_total", handler="git", code="0")
                metrics = self.portier.metrics()
                self.assertEqual(metrics.of("portier_connections_accepted_total", port=port), total)
                self.assertEqual(metrics.of("portier_dispatch_duration_seconds_count", delivery="spawn"), total)

    def run_short_ones(self, count):
        waiting = []
        for _ in range(count):
            waiting.append(street.connect(self.port))
            if len(waiting) == ABREAST:
                self.end_of(waiting.pop(0))
        for client in waiting:
            self.end_of(client)

    def end_of(self, client):
        with client:
            self.assertEqual(client.recv(1), b"")


if __name__ == "__main__":
    street.main()
