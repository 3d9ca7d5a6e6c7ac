"""What happens to the keeper while a reload is under way and the router does not answer: no process is forgotten, and a
stop is not kept waiting.
"""

import copy
import os
import signal
import socket
import subprocess

import kernel
import standstill
import street
from reload_test import ReloadCase


class Disturbed(ReloadCase):
    def reload_without_router(self):
        """Begins a reload that the router does not put in force."""
        self.open_street()
        self.good["handlers"]["changing"]["env"] = {"MENU": "new"}
        self.portier.config = copy.deepcopy(self.good)
        self.portier.write()
        before = set(self.portier.pids("changing").values())
        standstill.halt(self.portier.router_pid())
        caller = self.begin_reload()
        street.wait_until(lambda: not before & set(self.portier.pids("changing").values()), "the successors are in place")
        return caller

    def begin_reload(self):
        caller = subprocess.Popen([street.PORTIER, "reload", "--socket", self.portier.socket], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(caller.wait)
        self.addCleanup(caller.stdout.close)
        self.addCleanup(caller.stderr.close)
        return caller

    def test_a_process_dies_meanwhile(self):
        """The next router gets the channels of that moment, not those of the order that was never put in force."""
        caller = self.reload_without_router()
        for pid in self.portier.pids("steady").values():
            os.kill(pid, signal.SIGKILL)
        out, _ = caller.communicate(timeout=street.PATIENCE)
        self.assertEqual(out, "reloaded, generation 2\n")
        for port in (self.steady, self.inherited, self.changing):
            self.assertTrue(street.ask(self.client(port)))
        self.assertEqual(self.portier.metric("portier_router_restarts_total", reason="signal"), 1)

    def test_another_reload_takes_the_place_of_one_that_waits(self):
        """A mistake that makes portier wait for a day is put right by the next reload; all get the answer to that."""
        self.open_street()
        before = self.portier.pids("changing")
        self.portier.config = copy.deepcopy(self.good)
        self.portier.config["handlers"]["changing"].update(ready="notify", ready_timeout="24h", command=["/bin/sleep", "1d"])
        self.portier.write()
        first = self.begin_reload()
        street.wait_until(lambda: len(self.portier.log_lines(message="process started", handler="changing")) == 4,
                          "the candidates are there")
        joined = self.begin_reload()  # the same file: waits with the first
        self.portier.config = copy.deepcopy(self.good)
        self.portier.write()
        self.assertEqual(self.portier.command("reload").stdout, "nothing changed, generation 1\n")
        for caller in first, joined:
            self.assertEqual(caller.communicate(timeout=street.PATIENCE)[0], "nothing changed, generation 1\n")
        self.assertEqual(self.portier.pids("changing"), before)

    def test_another_reload_in_the_moment_when_the_first_is_ready(self):
        """What the processes of the first one say is not taken for an answer to the next, whose names are looked up."""
        self.open_street()
        before = self.portier.pids("steady")
        slow = {"delivery": "inherit", "command": ["/bin/sleep", "1d"], "ready": "notify", "ready_timeout": "24h"}
        self.good["handlers"]["slow"] = slow
        self.good["handlers"]["far"] = {"delivery": "relay", "connect": [f"localhost:{street.free_port()}"]}
        self.portier.config = copy.deepcopy(self.good)
        self.portier.write()
        first = self.begin_reload()
        street.wait_until(lambda: self.portier.log_lines(message="process started", handler="slow"), "it is started")
        (line,) = self.portier.log_lines(message="process started", handler="slow")
        environment = dict(entry.split("=", 1) for entry in kernel.read(line["pid"], "environ").split("\0") if entry)
        notify_socket = environment["NOTIFY_SOCKET"]
        with socket.socket(socket.AF_UNIX) as second, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as process:
            second.connect(str(self.portier.socket))
            self.portier.status()  # now it waits for what the second one asks
            standstill.halt(self.portier.pid)
            street.wait_until(lambda: kernel.status(self.portier.pid)["State"].startswith("T"), "the keeper stands still")
            process.sendto(b"READY=1", "\0" + notify_socket[1:])
            del self.portier.config["handlers"]["slow"]
            self.portier.write()
            second.sendall(b'{"command": "reload"}\n')
            os.kill(self.portier.pid, signal.SIGCONT)
            self.assertEqual(first.communicate(timeout=street.PATIENCE)[0], "reloaded, generation 2\n")
        self.assertEqual(self.portier.pids("steady"), before)
        self.assertTrue(street.ask(self.client(self.steady)))

    def test_a_stop_meanwhile(self):
        """It is answered, and its ports close with the others."""
        caller = self.reload_without_router()
        os.kill(self.portier.pid, signal.SIGTERM)
        self.assertEqual(caller.communicate(timeout=street.PATIENCE), ("", "portier is stopping\n"))
        street.wait_until(lambda: kernel.listener_inodes(self.steady) == [], "the port is closed")
        self.assertEqual(self.portier.log_lines(message="reload"), [])


if __name__ == "__main__":
    street.main()
