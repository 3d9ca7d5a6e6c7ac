"""Signals at awkward moments and to the wrong process; what only the first process of a container gets."""

import contextlib
import os
import signal
import subprocess

import kernel
import standstill
import street


class Signals(street.Case):
    def setUp(self):
        super().setUp()
        self.port = street.free_port()

    def prepare(self, handler):
        return self.street({"cook": handler}, {f"{self.port}/tcp": "cook"}, start=False)

    def test_who_signals_everybody_ends_nothing_early(self):
        """systemd's KillMode=control-group, and a terminal, tell every process; the router waits for the keeper's word."""
        portier = self.prepare(street.handler("echo")).start()
        router = portier.router_pid()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            os.kill(router, number)
        self.assertTrue(street.ask(self.client(self.port)))
        self.assertEqual(portier.router_pid(), router)

    def test_a_reload_is_asked_for_before_it_can_be_done(self):
        """While the first configuration is read: it waits, and then it is tried."""
        portier = self.prepare(street.handler("echo"))
        portier.write()
        command = [street.PORTIER, "run", "/dev/stdin", "--socket", portier.socket]
        with open(portier.log_file, "wb") as log:
            portier.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
        street.wait_until(lambda: int(kernel.status(portier.pid)["SigBlk"], 16) & 1, "it reads")
        os.kill(portier.pid, signal.SIGHUP)
        portier.process.stdin.write(portier.file.read_bytes())
        portier.process.stdin.close()
        portier.wait_ready()
        portier.wait_metric(1, "portier_config_reloads_total", result="failed")  # nothing more comes from there

    def test_whoever_cannot_wait_for_the_end(self):
        """However often it is asked to stop, also in its last moment, it ends in good order."""
        for _ in range(10):
            portier = self.prepare(street.handler("echo")).start()
            while portier.process.returncode is None:
                os.kill(portier.pid, signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    portier.process.wait(0.001)
            self.assertEqual(portier.process.returncode, 0)

    def test_asking_again_gives_a_router_that_hangs_no_more_time(self):
        portier = self.prepare(street.handler("echo")).start()
        standstill.halt(portier.router_pid())

        def ended():
            os.kill(portier.pid, signal.SIGTERM)
            return portier.process.poll() is not None
        street.wait_until(ended, "it ends while it is asked again and again", pause=0.5)
        self.assertEqual(portier.process.returncode, 0)

    def test_who_asks_twice_waits_for_nobody(self):
        """Also not for the processes that are only told once the router, which hangs, is gone."""
        handler = {"delivery": "spawn", "style": "inetd", "command": ["/bin/sh", "-c", "echo there; read word"]}
        portier = self.street({"cook": handler}, {f"{self.port}/tcp": "cook"}, {"drain_timeout": "1h"})
        client = self.client(self.port)
        self.assertEqual(street.exactly(client, 6), b"there\n")
        standstill.halt(portier.router_pid())
        os.kill(portier.pid, signal.SIGTERM)
        street.wait_until(lambda: portier.log_lines(message="stopping"), "it has heard the first request")
        os.kill(portier.pid, signal.SIGTERM)
        street.wait_until(lambda: portier.process.poll() is not None, "it ends")

    def test_orphans_are_reaped(self):
        """As the first process of a container, or a subreaper, the keeper inherits what others leave, but no zombie stays;
        how its own processes end it still hears."""
        command = ["/bin/sh", "-c", "for i in 1 2 3; do setsid sh -c 'sleep 0.1; sleep 0.1 &' & done; exec sleep 1000"]
        subreaper = "import ctypes, os, sys; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"
        portier = self.prepare({"command": command, "delivery": "inherit", "restart": {"first": "1ms"}})
        portier.start(prefix=(street.PYTHON, "-I", "-c", subreaper))
        (pid,) = portier.pids("cook").values()
        os.kill(pid, signal.SIGKILL)
        street.wait_until(lambda: portier.pids("cook") and pid not in portier.pids("cook").values(), "another one")
        self.assertEqual(portier.metric("portier_handler_restarts_total", handler="cook", reason="signal"), 1)

        def only_ours():
            own = {portier.router_pid(), *portier.pids("cook").values()}
            return set(kernel.children(portier.pid)) == own
        street.wait_until(only_ours, "no orphan is left")


if __name__ == "__main__":
    street.main()
