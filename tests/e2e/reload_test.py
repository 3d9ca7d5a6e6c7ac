"""Fifty reloads under load, good ones and bad ones: nothing is refused, reset or lost on the ports that stay, what did
not change is not touched, and a failure leaves everything as it was and says why.
"""

import copy
import json
import os
import resource
import signal
import socket

import kernel
import street

RELOADS = 50
HELD = min(2000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 1000)
LONG = "1h"  # drained processes keep the connections that the test holds


class ReloadCase(street.Case):
    def open_street(self):
        """Ports: steady and inherited (never changed), changing (another environment from time to time)."""
        self.steady, self.inherited, self.changing = (street.free_port() for _ in range(3))
        handlers = {"steady": street.handler("echo", processes=2),
                    "inherited": street.handler("echo", processes=2, delivery="inherit"),
                    "changing": street.handler("echo", processes=2)}
        ports = {f"{self.steady}/tcp": "steady", f"127.0.0.1:{self.inherited}/tcp": "inherited",
                 f"127.0.0.1:{self.changing}/tcp": "changing"}
        self.portier = self.street(handlers, ports, {"drain_timeout": LONG})
        self.good = copy.deepcopy(self.portier.config)
        self.expected = {"applied": 0, "unchanged": 0, "failed": 0}
        self.generation = 1
        self.by_signal = False

    def reload(self, outcome, error=None):
        """Reloads by command or by signal, in turn, and checks everything that tells the outcome. `error` is a function
        of the text that the caller gets."""
        self.expected[outcome] += 1
        self.generation += outcome == "applied"
        if self.by_signal:
            os.kill(self.portier.pid, signal.SIGHUP)
        else:
            done = self.portier.command("reload")
            self.assertEqual(done.returncode == 0, outcome != "failed", done)
            words = {"applied": "reloaded", "unchanged": "nothing changed"}.get(outcome)
            if words:
                self.assertEqual(done.stdout, f"{words}, generation {self.generation}\n")
            elif error:
                error(done.stderr)
        self.portier.wait_metric(self.expected[outcome], "portier_config_reloads_total", result=outcome)
        metrics = self.portier.metrics()
        for result, count in self.expected.items():
            self.assertEqual(metrics.of("portier_config_reloads_total", result=result), count)
        self.assertEqual(metrics.of("portier_config_generation"), self.generation)
        self.assertEqual(metrics.of("portier_config_last_reload_successful"), int(outcome != "failed"))
        if error:
            error(self.portier.status()["last_reload_error"])
        elif outcome != "failed":
            self.assertEqual(self.portier.status()["last_reload_error"], "")
        self.by_signal = not self.by_signal

    def apply(self):
        """Puts the good configuration, as it is now, in force."""
        self.portier.config = copy.deepcopy(self.good)
        self.portier.write()
        self.reload("applied")

    def refuse(self, change, error):
        """A configuration that portier must not take; the good one stays."""
        self.portier.config = copy.deepcopy(self.good)
        change(self.portier.config)
        self.portier.write()
        self.reload("failed", error)

    def refuse_text(self, text):
        """A file that is wrong: the caller hears exactly what `portier check` says."""
        self.portier.write(text)
        checked = self.portier.command("check", str(self.portier.file))
        self.assertEqual(checked.returncode, 2)
        self.assertIn(str(self.portier.file), checked.stderr)
        self.reload("failed", lambda error: self.assertEqual(error, checked.stderr))

    def says(self, *words):
        def check(text):
            for word in words:
                self.assertIn(word, text)
        return check


class UnderLoad(ReloadCase):
    def test_fifty_reloads(self):
        self.open_street()
        held = [self.guests("hold", port, "--connections", HELD, "--greet")
                for port in (self.steady, self.inherited, self.changing)]
        load = [self.guests("crr", port, "--concurrency", 16) for port in (self.steady, self.inherited, self.changing)]
        pids = {name: self.portier.pids(name) for name in ("steady", "inherited")}
        inodes = {port: kernel.listener_inodes(port) for port in (self.steady, self.inherited, self.changing)}
        counters = kernel.counters()

        kinds = [self.unchanged, self.changed_handler, self.port_added, self.bad_files, self.port_taken,
                 self.port_removed, self.program_missing, self.never_ready, self.ends_at_once, self.fixed_key]
        while sum(self.expected.values()) < RELOADS:
            for kind in kinds:
                kind()
                self.assertEqual({name: self.portier.pids(name) for name in pids}, pids)
                self.assertEqual({port: kernel.listener_inodes(port) for port in inodes}, inodes)

        for guests in load:
            self.assert_no_failures(guests.finish())
        for guests in held:
            report = guests.finish()
            self.assert_no_failures(report)
            self.assertEqual(report["ok"], HELD)
        if self.isolated:
            deltas = {name: value - counters[name] for name, value in kernel.counters().items()}
            print(f"kernel: {deltas['TcpExt.ListenDrops']} listen drops, {deltas['Tcp.EstabResets']} connections reset, "
                  f"{deltas['Tcp.OutRsts']} resets sent")
            self.assertEqual(kernel.harm(deltas), 0, {name: delta for name, delta in deltas.items() if delta})
        for port in self.portier.config["ports"]:
            self.portier.wait_metric(0, "portier_connections_active", port=port)
        # The replaced processes end when their last connection has.
        street.wait_until(lambda: len(self.portier.processes("changing")) == 2, "only the present processes are left")

    def unchanged(self):
        self.portier.config = copy.deepcopy(self.good)
        self.portier.write()
        self.reload("unchanged")

    def changed_handler(self):
        before = self.portier.pids("changing")
        self.good["handlers"]["changing"]["env"] = {"GENERATION": str(self.generation)}
        self.apply()
        after = self.portier.pids("changing")
        self.assertEqual(before.keys(), after.keys())
        self.assertFalse(set(before.values()) & set(after.values()))

    def port_added(self):
        self.extra = street.free_port()
        self.good["ports"][f"{self.extra}/tcp"] = "steady"
        self.apply()
        self.assertTrue(street.ask(self.client(self.extra)))

    def port_removed(self):
        """Whoever was connected before the reload is served, whether accepted by then or not."""
        clients = [self.client(self.extra) for _ in range(50)]
        del self.good["ports"][f"{self.extra}/tcp"]
        self.apply()
        self.assertEqual(kernel.listener_inodes(self.extra), [])
        for client in clients:
            self.assertTrue(street.ask(client))
            client.close()

    def bad_files(self):
        self.refuse_text("version: 1\nhandlers: [\n")
        self.refuse_text(json.dumps(self.good).replace('"steady": {', '"steady": {"comand": [x], ', 1))
        self.refuse_text("")
        self.portier.file.unlink()
        self.reload("failed", self.says(str(self.portier.file), "No such file"))

    def port_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            key = f"127.0.0.1:{other.getsockname()[1]}/tcp"

            def change(config):
                config["ports"][f"{street.free_port()}/tcp"] = "steady"
                config["ports"][key] = "steady"
            self.refuse(change, self.says(f"port {key}", "Address already in use"))
        self.assertNotIn(key, [port["port"] for port in self.portier.status()["ports"]])

    def program_missing(self):
        def change(config):
            config["handlers"]["changing"]["command"] = ["/nonexistent/cook"]
        self.refuse(change, self.says("/nonexistent/cook", "No such file"))

    def never_ready(self):
        def change(config):
            config["handlers"]["changing"].update(command=["/bin/sleep", "1000"], ready_timeout="50ms")
        self.refuse(change, self.says("handler changing: its new process: it was not ready within 50 ms"))

    def ends_at_once(self):
        def change(config):
            config["handlers"]["changing"].update(command=["/bin/sh", "-c", "echo no flour >&2; exit 7"])
        self.refuse(change, self.says("handler changing", "ended before it was ready", "exit code 7", "it wrote: no flour"))

    def fixed_key(self):
        def change(config):
            config["router"]["user"] = "daemon"
        self.refuse(change, self.says("street.yaml:", ": error: router.user: only a restart can change it, now it is",
                                       "put it back, or stop portier and start it again"))


class Quietly(ReloadCase):
    def test_all_or_nothing(self):
        """What a refused file wanted to open, start and end has left no trace."""
        self.open_street()
        before = {name: self.portier.pids(name) for name in self.good["handlers"]}
        added = street.free_port()

        def change(config):
            del config["ports"][f"{self.steady}/tcp"]
            config["ports"][f"{added}/tcp"] = "new"
            config["handlers"]["new"] = street.handler("echo")
            config["handlers"]["changing"].update(command=["/bin/sh", "-c", "exit 7"])
        self.refuse(change, self.says("handler changing"))
        self.assertEqual(kernel.listener_inodes(added), [])
        self.assertEqual({name: self.portier.pids(name) for name in self.good["handlers"]}, before)
        own = {self.portier.router_pid(), *(pid for pids in before.values() for pid in pids.values())}
        street.wait_until(lambda: set(kernel.children(self.portier.pid)) == own, "the candidates have ended")
        self.assertTrue(street.ask(self.client(self.steady)))

    def test_processes_and_handlers_come_and_go(self):
        self.open_street()
        pids = self.portier.pids("steady")
        self.good["handlers"]["steady"]["processes"] = 3
        self.apply()
        more = self.portier.pids("steady")
        self.assertEqual({**more, **pids}, more)
        self.assertEqual(len(more), 3)
        self.good["handlers"]["steady"]["processes"] = 1
        del self.good["ports"][f"127.0.0.1:{self.changing}/tcp"], self.good["handlers"]["changing"]
        self.apply()
        street.wait_until(lambda: len(self.portier.processes("steady")) == 1, "two processes have ended")
        self.assertEqual(self.portier.pids("steady"), {0: pids[0]})
        self.assertNotIn("changing", [item["handler"] for item in self.portier.status()["handlers"]])
        self.assertTrue(street.ask(self.client(self.steady)))

    def test_a_port_changes_its_handler(self):
        """The socket stays; connections from now on go to the other handler, those before stay where they are."""
        self.open_street()
        before = self.client(self.steady)
        self.assertTrue(street.ask(before))
        inode = kernel.listener_inodes(self.steady)
        for name in ("inherited", "changing", "inherited", "steady"):
            self.good["ports"][f"{self.steady}/tcp"] = name
            self.apply()
            self.assertEqual(kernel.listener_inodes(self.steady), inode)
            with street.connect(self.steady) as client:
                self.assertTrue(street.ask(client))
                street.wait_until(lambda: self.portier.metrics().total(
                    "portier_handler_connections_active", handler=name) >= 1, f"{name} has the connection")
        self.assertTrue(street.ask(before))

    def test_reloads_at_once(self):
        """Many callers at the same time: each gets an answer."""
        self.open_street()
        load = self.guests("crr", self.steady, "--concurrency", 8)
        for number in range(20):
            self.good["handlers"]["changing"]["env"] = {"NUMBER": str(number)}
            self.portier.config = self.good
            self.portier.write()
            os.kill(self.portier.pid, signal.SIGHUP)
        self.assertEqual(self.portier.command("reload").returncode, 0)
        self.assert_no_failures(load.finish())
        self.assertEqual(self.portier.metrics().total("portier_config_reloads_total", result="failed"), 0)


class DryRun(ReloadCase):
    def test_says_what_would_change_and_changes_nothing(self):
        self.open_street()
        pids = self.portier.pids("changing")
        self.assertEqual(self.portier.command("reload", "--dry-run").stdout, "nothing would change\n")
        added = street.free_port()
        config = copy.deepcopy(self.good)
        config["handlers"]["changing"]["env"] = {"MENU": "new"}
        config["ports"][f"127.0.0.1:{added}/tcp"] = "steady"
        self.portier.write(json.dumps(config))
        done = self.portier.command("reload", "--dry-run")
        self.assertEqual((done.returncode, done.stdout),
                         (0, "handler changing: changed, its processes are replaced\n"
                             f"port 127.0.0.1:{added}/tcp: added, handler steady\n"))
        self.assertRaises(ConnectionRefusedError, street.connect, added)
        self.assert_untouched(pids)

    def test_says_why_it_would_be_refused(self):
        self.open_street()
        pids = self.portier.pids("changing")
        self.portier.write("version: 2")
        done = self.portier.command("reload", "--dry-run")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("street.yaml:1:10: error", done.stderr)
        with socket.create_server(("127.0.0.1", 0)) as somebody:
            config = copy.deepcopy(self.good)
            taken = f"127.0.0.1:{somebody.getsockname()[1]}/tcp"
            config["ports"][taken] = "steady"
            self.portier.write(json.dumps(config))
            done = self.portier.command("reload", "--dry-run")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn(taken, done.stderr)
        self.assert_untouched(pids)

    def assert_untouched(self, pids):
        self.assertEqual(self.portier.pids("changing"), pids)
        metrics = self.portier.metrics()
        self.assertEqual(metrics.total("portier_config_reloads_total"), 0)
        self.assertEqual(metrics.of("portier_config_last_reload_successful"), 1)
        self.assertEqual(self.portier.status()["last_reload_error"], "")


if __name__ == "__main__":
    street.main()
