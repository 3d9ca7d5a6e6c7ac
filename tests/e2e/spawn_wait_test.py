"""inetd-wait: a program gets the listener or the bound socket when something arrives, and keeps it until it ends."""

import os
import signal
import socket
import time

import kernel
import street

SOON, NEVER = "0.2", "1000"


class Wait(street.Case):
    def open_street(self, idle=SOON, ports=("tcp", "udp"), router=None, **keys):
        self.handler = street.script("waits.py", idle, delivery="spawn", style="inetd-wait", **keys)
        kinds = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
        self.ports = [(street.free_port(kinds[protocol]), protocol) for protocol in ports]
        self.portier = self.street({"wait": self.handler},
                                   {f"{port}/{protocol}": "wait" for port, protocol in self.ports},
                                   router or {"drain_timeout": "100ms"})

    def ask(self, number, word=b"hello"):
        """The pid of who answered at the port of this index."""
        port, protocol = self.ports[number]
        if protocol == "tcp":
            with street.connect(port) as client:
                client.sendall(word)
                answer = b"".join(iter(lambda: client.recv(4096), b""))
        else:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(street.PATIENCE)
                client.sendto(word, ("127.0.0.1", port))
                answer = client.recv(4096)
        pid, said = answer.split(b" ")
        self.assertEqual(said, word)
        return int(pid)

    def pids(self):
        return sorted(self.portier.pids("wait").values())

    def wait_asleep(self):
        street.wait_until(lambda: not self.pids(), "all have ended")

    def starts(self):
        return len(self.portier.log_lines(message="process started", handler="wait"))

    def exits(self, code):
        return self.portier.metric("portier_handler_exits_total", handler="wait", code=code)


class Life(Wait):
    def test_one_process_a_socket_that_serves_until_it_ends(self):
        self.open_street(ports=("tcp", "udp", "tcp"))
        inodes = [kernel.listener_inodes(self.ports[0][0]), kernel.udp_inodes(self.ports[1][0])]
        for _ in range(3):
            self.assertEqual(self.pids(), [], "nobody runs while nobody comes")
            first = [self.ask(number) for number in range(3)]
            self.assertEqual(len(set(first)), 3)
            self.assertEqual([self.ask(number) for number in range(3)], first, "who is there serves the next one")
            self.wait_asleep()
        self.assertEqual(self.starts(), 9)
        self.portier.wait_metric(9, "portier_handler_exits_total", handler="wait", code="0")
        self.assertEqual([kernel.listener_inodes(self.ports[0][0]), kernel.udp_inodes(self.ports[1][0])], inodes)

    def test_who_is_not_wanted_sleeps_on(self):
        self.open_street(NEVER)
        pid = self.ask(1)
        self.assertEqual(self.pids(), [pid])

    def test_nothing_that_arrives_is_lost(self):
        self.open_street("0.01")
        for number in range(60):
            self.ask(number % 2, b"word%d" % number)
            time.sleep(0.001 * (number % 20))

    def test_connections_are_counted(self):
        self.open_street(ports=("tcp",))
        for _ in range(5):
            self.ask(0)
        port = f"{self.ports[0][0]}/tcp"
        self.portier.wait_metric(5, "portier_connections_accepted_total", port=port)
        self.portier.wait_metric(0, "portier_connections_active", port=port)

    def test_a_dead_router_matters_to_nobody(self):
        self.open_street(NEVER)
        pids = [self.ask(0), self.ask(1)]
        router = self.portier.router_pid()
        os.kill(router, signal.SIGKILL)
        street.wait_until(lambda: self.portier.router_pid() not in (router, None), "another router is there")
        self.assertEqual([self.ask(0), self.ask(1)], pids)


class NoStorm(Wait):
    def storm(self, script, **keys):
        """Starts within two seconds of a program that leaves unread what has woken it."""
        self.open_street(ports=("udp",), **keys)
        self.handler.update({"command": ["/bin/sh", "-c", script]})
        self.portier.write()
        self.assertEqual(self.portier.command("reload").returncode, 0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"x", ("127.0.0.1", self.ports[0][0]))
        street.wait_until(lambda: self.starts() >= 2, "it is started again for what is still there")
        before = self.starts()
        time.sleep(2)
        return self.starts() - before

    def test_of_programs_that_do_not_read(self):
        for script, code in (("exit 0", "0"), ("exit 3", "other")):
            with self.subTest(script=script):
                self.assertLessEqual(self.storm(script), 25, "a start each 100 ms, restart.first")
                self.assertGreater(self.exits(code), 0)

    def test_of_a_program_that_is_not_there(self):
        self.open_street(ports=("udp",))
        program = self.folder / "gone"
        program.write_text("#!/bin/sh\nsleep 1000\n")
        program.chmod(0o755)
        self.handler.update({"command": [str(program)]})
        self.portier.write()
        self.assertEqual(self.portier.command("reload").returncode, 0)
        program.unlink()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"x", ("127.0.0.1", self.ports[0][0]))
        street.wait_until(lambda: self.exits("not_started") >= 3, "it is tried again")
        self.assertLess(self.exits("not_started"), 20)
        program.write_text("#!/bin/sh\nsleep 1000\n")
        program.chmod(0o755)
        street.wait_until(lambda: len(self.pids()) == 1, "and runs when it is there")


class Reload(Wait):
    def reload(self):
        self.portier.write()
        answer = self.portier.command("reload")
        self.assertEqual(answer.returncode, 0, answer.stderr)

    def test_other_ports_do_not_matter(self):
        self.open_street(NEVER)
        pids = [self.ask(0), self.ask(1)]
        before = street.free_port()
        self.portier.config["ports"] = {f"{before}/tcp": "wait", **self.portier.config["ports"]}
        self.reload()
        self.assertEqual([self.ask(0), self.ask(1)], pids)
        self.ports.append((before, "tcp"))
        self.assertNotIn(self.ask(2), pids)

    def test_a_change_starts_another_and_the_old_one_may_finish(self):
        self.open_street("0.5", router={"drain_timeout": "1h"})
        old = self.ask(0)
        self.handler["env"] = {"OTHER": "yes"}
        self.reload()
        street.wait_until(lambda: not kernel.is_running(old), "it has finished what it had and ended")
        self.assertNotEqual(self.ask(0), old)
        self.assertEqual(self.portier.log_lines(message="process ended", because="replaced")[0]["reason"], "exit code 0")

    def test_from_handoff_the_socket_waits_again(self):
        """The router had made it non-blocking; the program insists on one that blocks."""
        self.open_street(ports=("tcp",))
        waits = dict(self.handler)
        for _ in range(3):
            self.portier.config["handlers"]["wait"] = street.handler("echo")
            old = self.pids()
            self.reload()
            street.wait_until(lambda old=old: not any(map(kernel.is_running, old)), "its socket is another's now")
            with self.client(self.ports[0][0]) as client:
                self.assertTrue(street.ask(client))
            self.portier.config["handlers"]["wait"] = waits
            self.reload()
            self.ask(0)


class Stop(Wait):
    def test_ends_them(self):
        self.open_street(NEVER)
        pids = [self.ask(0), self.ask(1)]
        self.portier.close()
        self.assertFalse(any(map(kernel.is_running, pids)))


if __name__ == "__main__":
    street.main()
