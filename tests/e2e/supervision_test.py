"""Handler processes are watched: started again but not in a spin, ready when they say so, ended with all their
children, their output in the log, and what they had not taken given to others.
"""

import concurrent.futures
import contextlib
import http.client
import os
import signal
import threading

import kernel
import street

FIRST_MS = 20
AT_ONCE = {"first": "1ms", "max": "1ms"}
NEVER = {"first": "1h", "max": "1h"}


class Supervision(street.Case):
    def setUp(self):
        super().setUp()
        self.port, self.other = street.free_port(), street.free_port()
        self.key = f"{self.port}/tcp"
        self.flag = self.folder / "flag"

    def beside_echo(self, handler, wait=True, router=None):
        """A street with this handler at one port and echo at the other."""
        self.portier = self.street({"cook": handler, "echo": street.handler("echo")},
                                   {self.key: "cook", f"{self.other}/tcp": "echo"}, router, start=False)
        self.portier.start(ready=wait)
        if not wait:
            street.wait_until(lambda: self.portier.socket.exists() and self.portier.pids("echo"), "echo is ready")

    def restarts(self, reason):
        return self.portier.metric("portier_handler_restarts_total", handler="cook", reason=reason)

    def wait_restarts(self, reason, count):
        street.wait_until(lambda: self.restarts(reason) >= count, f"{count} restarts because of {reason}")

    def state(self):
        return [process["state"] for process in self.portier.processes("cook")]


class Restarts(Supervision):
    def test_a_crash_loop_backs_off_and_recovers(self):
        self.beside_echo({"command": ["/bin/sh", "-c", "exit 3"],
                          "restart": {"first": f"{FIRST_MS}ms", "max": f"{8 * FIRST_MS}ms"}}, wait=False)
        load = self.guests("crr", self.other, "--concurrency", 8)
        waiting = self.client(self.port)  # in the kernel's queue: refused would be worse
        self.wait_restarts("exit", 8)
        ends = self.portier.log_lines(handler="cook", message="process ended, another one follows")
        for number, line in enumerate(ends):
            step = FIRST_MS * 2 ** min(number, 3)
            self.assertLessEqual(line["after_ms"], step)
            self.assertGreaterEqual(line["after_ms"], step * 9 // 10)
            self.assertEqual(line["reason"], "exit code 3")
        starts = self.portier.log_lines(handler="cook", message="process started")
        self.assertLessEqual(len(starts), len(ends) + 1, "each start follows a pause")
        self.assertEqual(self.portier.get("/healthz")[0], 200)

        self.portier.config["handlers"]["cook"] = street.handler("echo")
        self.portier.write()
        self.assertEqual(self.portier.command("reload").returncode, 0)
        self.assertTrue(street.ask(waiting))
        self.assert_no_failures(load.finish())

    def test_a_killed_process_is_replaced(self):
        self.beside_echo(street.handler("echo", restart={"first": "1ms"}))
        (pid,) = self.portier.pids("cook").values()
        client = self.client(self.port)
        self.assertTrue(street.ask(client))
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(client.recv(1), b"")  # the kernel closes what it held
        self.assertTrue(street.ask(self.client(self.port)))
        self.assertNotIn(pid, self.portier.pids("cook").values())
        self.assertEqual(self.restarts("signal"), 1)
        (line,) = self.portier.log_lines(handler="cook", message="process ended, another one follows")
        self.assertEqual(line["reason"], "signal SIGKILL")

    def test_untaken_doors_go_to_another_process(self):
        """Process 0 receives and never takes; when it is killed the other one gets what it had, and nobody notices."""
        self.flag.touch()
        self.beside_echo(street.script("doors.py", "hoard", str(self.flag), processes=2, ready="notify", restart=NEVER))
        clients = [self.client(self.port) for _ in range(20)]
        for client in clients:
            client.sendall(b"hello")
        self.portier.wait_metric(20, "portier_connections_accepted_total", port=self.key)
        for slot in ("0", "1"):  # in turn
            self.portier.wait_metric(10, "portier_handler_connections_active", handler="cook", process=slot)
        os.kill(self.portier.pids("cook")[0], signal.SIGKILL)
        answers = [street.exactly(client, len(b"1: hello")) for client in clients]
        self.assertEqual(answers, [b"1: hello"] * 20)
        self.portier.wait_metric(20, "portier_handler_connections_active", handler="cook", process="1")
        self.portier.wait_metric(20, "portier_connections_active", port=self.key)
        self.portier.wait_metric(20, "portier_connections_accepted_total", port=self.key)
        for client in clients:
            client.close()
        self.portier.wait_metric(20, "portier_connections_closed_total", port=self.key, reason="client_close")

    def test_without_credit_connections_wait(self):
        """Also those of a port that a reload removes meanwhile."""
        self.flag.touch()
        self.beside_echo(street.script("doors.py", "shy", str(self.flag)))
        removed = street.free_port()
        self.portier.config["ports"][f"{removed}/tcp"] = "cook"
        self.portier.write()
        self.assertEqual(self.portier.command("reload").returncode, 0)
        clients = [self.client(port) for port in (self.port, removed) for _ in range(100)]
        for client in clients:
            client.sendall(b"hello")
        del self.portier.config["ports"][f"{removed}/tcp"]
        self.portier.write()
        self.assertEqual(self.portier.command("reload").returncode, 0)
        self.flag.unlink()
        for client in clients:
            self.assertEqual(street.exactly(client, 8), b"0: hello")


class Readiness(Supervision):
    def test_nobody_is_sent_before_it_is_ready(self):
        self.flag.touch()
        self.beside_echo(street.script("doors.py", "late", str(self.flag), ready="notify"), wait=False)
        client = self.client(self.port)
        client.sendall(b"hello")
        self.assertTrue(street.ask(self.client(self.other)))
        self.assertEqual(self.state(), ["starting"])
        status, _, text = self.portier.get("/readyz")
        self.assertEqual((status, text), (503, "handler cook has no ready process\n"))
        self.assertEqual(self.portier.metric("portier_connections_accepted_total", port=self.key), 0)
        self.flag.unlink()
        self.assertEqual(street.exactly(client, 8), b"0: hello")
        self.portier.wait_ready()

    def test_ready_timeout(self):
        self.beside_echo({"command": ["/bin/sleep", "1000"], "ready": "notify", "ready_timeout": "100ms",
                          "restart": AT_ONCE}, wait=False)
        self.wait_restarts("ready_timeout", 2)
        line = self.portier.log_lines(handler="cook", message="process ended, another one follows")[0]
        self.assertEqual(line["reason"], "it was not ready within 100 ms")

    def test_watchdog(self):
        """Who falls silent is restarted, who feeds it is not; the SDK feeds it by itself."""
        patient = street.handler("echo", watchdog="3s")
        self.portier = self.street(
            {"cook": street.script("pings.py", str(self.flag), ready="notify", watchdog="400ms", delivery="inherit",
                                   restart=AT_ONCE), "echo": patient},
            {self.key: "cook", f"{self.other}/tcp": "echo"})
        pid = self.portier.pids("echo")
        self.flag.touch()
        self.wait_restarts("watchdog", 12)  # 4.8 s at least, more than the watchdog of echo
        line = self.portier.log_lines(handler="cook", message="process ended, another one follows")[-1]
        self.assertEqual(line["reason"], "its watchdog expired")
        self.assertEqual(self.portier.pids("echo"), pid)
        self.flag.unlink()
        street.wait_until(lambda: self.state() == ["ready"], "it feeds the watchdog again")


class Ends(Supervision):
    STUBBORN = ["/bin/sh", "-c", "trap '' TERM; sleep 1000 & sleep 1001 & echo ready; wait; wait; wait"]

    def remove_cook(self):
        del self.portier.config["handlers"]["cook"], self.portier.config["ports"][self.key]
        self.portier.write()
        self.assertEqual(self.portier.command("reload").returncode, 0)

    def wait_said(self, text):
        street.wait_until(lambda: self.portier.log_lines(handler="cook", message=text), f"the handler says {text}")

    def wait_end(self):
        def ended():
            return self.portier.log_lines(handler="cook", message="process ended", because="removed")
        (line,) = street.wait_until(ended, "the handler has ended")
        return line["reason"]

    def wait_family(self, pid, count):
        return [pid, *street.wait_until(
            lambda: children if len(children := kernel.descendants(pid)) == count else None, "its children are there")]

    def wait_gone(self, family):
        street.wait_until(lambda: not any(map(kernel.is_running, family)), "the whole family is gone")

    def test_sigkill_for_the_whole_group_after_the_timeout(self):
        for delivery, router in (("inherit", None), ("handoff", {"drain_timeout": "50ms"})):
            with self.subTest(delivery):
                self.beside_echo({"command": self.STUBBORN, "delivery": delivery, "stop": {"timeout": "100ms"}},
                                 router=router)
                self.wait_said("ready")
                (pid,) = self.portier.pids("cook").values()
                family = self.wait_family(pid, 2)
                self.remove_cook()
                self.wait_gone(family)
                self.assertEqual(self.wait_end(), "signal SIGKILL")
                self.end_street(self.portier)

    def test_children_of_a_dead_process_go_with_it(self):
        self.beside_echo({"command": self.STUBBORN, "restart": NEVER})
        self.wait_said("ready")
        (pid,) = self.portier.pids("cook").values()
        family = self.wait_family(pid, 2)
        os.kill(pid, signal.SIGKILL)
        self.wait_gone(family)

    def test_a_stop_right_after_a_start(self):
        """Processes that have just been started again hear of the end all the same, whatever the router is busy with."""
        for _ in range(10):
            portier = self.street({"echo": street.handler("echo", processes=4, restart=AT_ONCE)}, {self.key: "echo"},
                                  {"drain_timeout": "1h"})
            ended = threading.Event()

            def scrape():
                while not ended.is_set():
                    with contextlib.suppress(OSError, http.client.HTTPException):
                        portier.get("/metrics")
            with concurrent.futures.ThreadPoolExecutor() as busy:
                for _ in range(3):
                    busy.submit(scrape)
                for pid in portier.pids("echo").values():
                    os.kill(pid, signal.SIGKILL)
                try:
                    street.wait_until(lambda: portier.log().count("process started") == 8, "all are there again", pause=0)
                    self.end_street(portier)
                finally:
                    ended.set()

    def test_the_stop_signal_can_be_chosen(self):
        command = ["/bin/sh", "-c", "trap '' TERM; trap 'exit 0' USR1; echo ready; while :; do sleep 1000 & wait; done"]
        self.beside_echo({"command": command, "delivery": "inherit", "stop": {"signal": "SIGUSR1", "timeout": "1h"}})
        self.wait_said("ready")
        self.remove_cook()
        self.assertEqual(self.wait_end(), "exit code 0")


class Output(Supervision):
    def say(self, program, wait=True):
        """A handler that runs this piece of Python and then stays."""
        command = [street.PYTHON, "-I", "-u", "-c", f"import os, signal\n{program}\nsignal.pause()"]
        self.beside_echo({"command": command, "delivery": "inherit", "restart": NEVER}, wait=wait)

    def lines(self):
        return [line["message"] for line in self.portier.log_lines(handler="cook", role="keeper", process=0)
                if "pid" not in line]

    def test_lines_are_escaped_and_named(self):
        self.say(r"""
os.write(1, b'plain\n')
os.write(2, b'to stderr\n')
os.write(1, b'\x1b[31mred\r\x00 \xff \xc2\x9b "quoted", "level":"error"}\n')
os.write(1, 'd\u014dsa\n'.encode())
os.write(1, b'in two '); os.write(1, b'pieces\n')
os.write(1, b'x' * 10000 + b'\nlast\n')
""")
        street.wait_until(lambda: "last" in self.lines(), "the last line")
        self.assertEqual(self.lines(), [
            "plain", "to stderr", '\\x1b[31mred\\x0d\\x00 \\xff \\xc2\\x9b "quoted", "level":"error"}', "dōsa",
            "in two pieces", "x" * 4096 + " [cut]", "last"])
        for text in self.portier.log().splitlines():
            self.assertEqual((text[0], text[-1]), ("{", "}"), "one JSON object a line")

    def test_an_unfinished_line_at_the_end(self):
        self.say("os.write(1, b'no newline'); os._exit(0)", wait=False)
        street.wait_until(lambda: "no newline" in self.lines(), "the unfinished line")

    def test_a_flood_is_cut_and_counted(self):
        """At most 100 lines a second, whatever a process writes; nobody waits for the log, and the rest is counted."""
        flood = 20_000
        self.say(f"for number in range({flood}): os.write(1, b'line %d\\n' % number)\n"
                 f"open({str(self.flag)!r}, 'w').close()")
        street.wait_until(self.flag.exists, "all was written")

        def counted():
            left_out = self.portier.log_lines(message="output of a handler was left out", handler="cook")
            shown = [line for line in self.lines() if line.startswith("line ")]
            return shown if len(shown) + sum(line["lines"] for line in left_out) == flood else None
        shown = street.wait_until(counted, "every line was shown or counted")
        self.assertLess(len(shown), flood // 10)
        self.assertEqual(shown[:100], [f"line {number}" for number in range(100)])


if __name__ == "__main__":
    street.main()
