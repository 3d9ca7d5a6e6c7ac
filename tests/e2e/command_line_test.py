"""The command line: exit codes, JSON, what a second portier and a taken port are told, and how it stops.
"""

import json
import os
import re
import signal
import socket
import subprocess

import kernel
import standstill
import street

GOOD = 'version: 1\nhandlers: {echo: {command: [/bin/cat]}}\nports: {7001/tcp: echo}\n'
BAD = 'version: 1\nhandlers: {echo: {comand: [/bin/cat]}}\nports: {7001/tcp: echo}\n'


class CommandLine(street.Case):
    def portier(self, *arguments, **options):
        """One run of portier without a street."""
        environment = {name: value for name, value in os.environ.items() if name != "PORTIER_SOCKET"}
        command = [str(street.PORTIER), *map(str, arguments)]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              timeout=street.PATIENCE, env=environment, **options)

    def file(self, text):
        path = self.folder / "some.yaml"
        path.write_text(text)
        path.chmod(0o644)
        return path

    def echo_street(self, **options):
        self.port = street.free_port()
        self.key = f"{self.port}/tcp"
        return self.street({"echo": street.handler("echo", processes=2)}, {self.key: "echo"}, **options)


class ExitCodes(CommandLine):
    def assert_run(self, code, *arguments):
        """Data goes to stdout and messages to stderr: failures leave stdout empty."""
        done = self.portier(*arguments)
        self.assertEqual(done.returncode, code, (arguments, done))
        self.assertEqual(bool(done.stdout), code == 0, (arguments, done))
        self.assertEqual(bool(done.stderr), code != 0, (arguments, done))
        return done

    def test_done(self):
        self.assert_run(0, "check", self.file(GOOD))
        for arguments in (("version",), ("schema",), ("metrics", "--describe"), ("--help",), ("run", "--help")):
            self.assert_run(0, *arguments)

    def test_bad_usage(self):
        for arguments in ((), ("nonsense",), ("check",), ("run",), ("metrics",), ("version", "--nonsense"),
                          ("status", "superfluous"), ("check", self.file(GOOD), "-o", "yaml")):
            self.assert_run(2, *arguments)

    def test_run_has_no_json(self):
        done = self.assert_run(2, "-o", "json", "run", self.file(GOOD))
        self.assertIn("router.log.format", done.stderr)

    def test_an_unknown_command_is_named(self):
        self.assertIn('unknown command "reloda"; did you mean "reload"?', self.assert_run(2, "reloda").stderr)
        self.assertIn('unknown command "router7"\n', self.assert_run(2, "router7").stderr)

    def test_bad_configuration(self):
        for command in "check", "run":
            done = self.assert_run(2, command, self.file(BAD))
            self.assertIn('some.yaml:2:', done.stderr)
            self.assertIn('unknown key "comand"; did you mean "command"?', done.stderr)
            self.assert_run(2, command, self.folder / "missing.yaml")

    def test_failed(self):
        nowhere = self.folder / "nobody.sock"
        for command in "status", "reload", "stop":
            done = self.assert_run(1, command, "--socket", nowhere)
            self.assertIn(f"no portier answers at {nowhere}", done.stderr)

    def test_a_refused_reload_fails_and_an_accepted_one_does_not(self):
        portier = self.echo_street()
        self.assertEqual(portier.command("reload").returncode, 0)
        portier.write(BAD)
        done = portier.command("reload")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn('unknown key "comand"', done.stderr)

    def test_output_that_does_not_arrive_is_a_failure(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            for arguments in (("schema",), ("--help",), ("version", "-o", "json")):
                done = subprocess.run([street.PORTIER, *arguments], stdout=full, stderr=subprocess.PIPE, check=False)
                self.assertEqual((done.returncode, done.stderr), (1, b"portier: cannot write to stdout\n"), arguments)

    def test_the_version_and_options_before_the_command(self):
        self.assertEqual(self.assert_run(0, "--version").stdout, self.assert_run(0, "version").stdout)
        self.assertIn("version", json.loads(self.assert_run(0, "-o", "json", "version").stdout))
        self.assertIn("no portier answers at /nowhere", self.assert_run(1, "--socket", "/nowhere", "status").stderr)


class Json(CommandLine):
    def test_check(self):
        done = self.portier("check", self.file(GOOD), "-o", "json")
        self.assertEqual(json.loads(done.stdout), {"ok": True, "diagnostics": []})
        done = self.portier("check", "--effective", self.file(GOOD), "-o", "json")
        self.assertEqual(json.loads(done.stdout)["effective"]["handlers"]["echo"]["processes"], 1)
        done = self.portier("check", self.file(BAD), "-o", "json")
        self.assertEqual(done.returncode, 2)
        answer = json.loads(done.stdout)
        self.assertFalse(answer["ok"])
        self.assertIn({"severity": "error", "line": 2, "column": 19},
                      [{key: item[key] for key in ("severity", "line", "column")} for item in answer["diagnostics"]])

    def test_what_needs_no_portier(self):
        version = json.loads(self.portier("version", "-o", "json").stdout)["version"]
        self.assertEqual(self.portier("version").stdout, f"portier {version}\n")
        schema = json.loads(self.portier("schema").stdout)
        self.assertEqual(schema["type"], "object")
        self.assertLessEqual({"version", "handlers", "ports", "admin", "router"}, schema["properties"].keys())
        for metric in json.loads(self.portier("metrics", "--describe", "-o", "json").stdout):
            self.assertEqual(metric.keys(), {"name", "type", "labels", "help"})
            self.assertIn(metric["type"], ("counter", "gauge", "histogram"))

    def test_status_reload_and_stop(self):
        portier = self.echo_street()
        with street.connect(self.port) as client:
            self.assertTrue(street.ask(client))
            status = portier.status()
            (port,) = status["ports"]
            self.assertEqual((port["port"], port["handler"], port["delivery"], port["active"], port["accepted"]),
                             (self.key, "echo", "handoff", 1, 1))
            self.assertEqual((status["generation"], status["keeper_pid"], status["router_pid"]),
                             (1, portier.pid, portier.router_pid()))
            (handler,) = status["handlers"]
            self.assertEqual((handler["handler"], handler["ready"]), ("echo", 2))
            for process in handler["processes"]:
                self.assertTrue(kernel.is_running(process["pid"]))
        self.assertEqual(json.loads(portier.command("reload", "-o", "json").stdout),
                         {"ok": True, "text": "nothing changed, generation 1\n", "generation": 1, "diagnostics": []})
        portier.write(BAD)
        done = portier.command("reload", "-o", "json")
        answer = json.loads(done.stdout)
        self.assertEqual((done.returncode, answer["ok"], answer["generation"]), (2, False, 1))
        self.assertEqual(answer["diagnostics"], json.loads(self.portier("check", portier.file, "-o", "json").stdout)["diagnostics"])
        self.assertIn('did you mean "command"?', answer["text"])
        self.assertEqual(json.loads(portier.command("stop", "-o", "json").stdout), {"ok": True, "text": "stopped\n"})
        self.assertEqual(portier.wait_ended(), 0)

    def test_status_for_people(self):
        portier = self.echo_street()
        with street.connect(self.port) as client:
            self.assertTrue(street.ask(client))
            text = portier.command("status").stdout
        self.assertRegex(text, rf"^portier \S+  up \d+s  generation 1  {portier.file}\n")
        self.assertRegex(text, rf"(?m)^{self.key} +echo +handoff +1 +1 +0 +0 +0 B +0 B$")
        for slot, pid in portier.pids("echo").items():
            self.assertRegex(text, rf"(?m)^echo +{slot} +{pid} +ready +[01] ")
        self.assertNotIn("\x1b", text)
        self.assertNotIn("!", text)
        os.kill(portier.pids("echo")[1], signal.SIGKILL)
        street.wait_until(lambda: re.search(r"(?m)^echo +1 .* 1  last ended: signal SIGKILL$",
                                            portier.command("status").stdout), "its end is shown")
        portier.write(BAD)
        portier.command("reload")
        self.assertRegex(portier.command("status").stdout, rf"! the last reload was refused.*portier check {portier.file}\n")


class Stopping(CommandLine):
    def assert_gone(self, portier, family):
        street.wait_until(lambda: not any(map(kernel.is_running, family)), "no process is left")
        self.assertFalse(portier.socket.exists())
        self.assertEqual(kernel.listener_inodes(self.port), [])
        self.assertEqual(kernel.listener_inodes(portier.admin_port), [])

    def test_stop_drains_and_leaves_nothing(self):
        portier = self.echo_street(router={"drain_timeout": "1h"})
        family = kernel.descendants(portier.pid)
        guest = self.client(self.port)
        self.assertTrue(street.ask(guest))
        stop = subprocess.Popen([street.PORTIER, "stop", "--socket", portier.socket], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)
        self.addCleanup(stop.communicate)
        self.addCleanup(guest.close)
        street.wait_until(lambda: not kernel.listener_inodes(self.port), "the port is closed")
        self.assertTrue(street.ask(guest), "who is there is served")
        self.assertIsNone(stop.poll(), "stop waits")
        self.assertIn("\n! stopping", portier.command("status").stdout)
        guest.close()
        self.assertEqual(stop.communicate(timeout=street.PATIENCE),
                         ("stopped\n", "waiting for 1 connection, 3610 s at most; Ctrl-C leaves portier stopping\n"))
        self.assertEqual((stop.returncode, portier.wait_ended()), (0, 0))
        self.assert_gone(portier, family)

    def test_a_second_stop_says_so(self):
        portier = self.echo_street(router={"drain_timeout": "1h"})
        guest = self.client(self.port)
        self.assertTrue(street.ask(guest))
        portier.process.terminate()
        street.wait_until(lambda: portier.status()["stopping"], "it stops")
        done = portier.command("stop")
        self.assertEqual((done.returncode, done.stdout), (0, "stopped\n"))
        self.assertEqual(done.stderr, "portier is stopping already; now it waits for no connection\n")
        self.assertEqual(portier.wait_ended(), 0)

    def test_who_waits_in_the_queue_is_still_served(self):
        portier = self.echo_street(router={"drain_timeout": "1h"})
        router = portier.router_pid()
        standstill.halt(router)
        guests = [self.client(self.port) for _ in range(20)]  # accepted by the kernel only
        portier.process.terminate()
        os.kill(router, signal.SIGCONT)
        for guest in guests:
            self.assertTrue(street.ask(guest))
            guest.close()
        self.assertEqual(portier.wait_ended(), 0)

    def test_signals_end_it_with_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            portier = self.echo_street()
            family = kernel.descendants(portier.pid)
            portier.process.send_signal(number)
            self.assertEqual(portier.wait_ended(), 0, number)
            self.assert_gone(portier, family)

    def test_a_second_signal_does_not_wait_for_guests(self):
        portier = self.echo_street(router={"drain_timeout": "1h"})
        guest = self.client(self.port)
        self.assertTrue(street.ask(guest))
        portier.process.terminate()
        street.wait_until(lambda: not kernel.listener_inodes(self.port), "the port is closed")
        portier.process.terminate()
        self.assertEqual(portier.wait_ended(), 0)

    def test_who_is_not_ready_does_not_hold_it_up(self):
        """It was never given a connection, so there is nothing to wait for."""
        sleeper = {"command": ["/bin/sleep", "1000"], "ready": "notify", "ready_timeout": "1h"}
        portier = self.street({"sleeper": sleeper}, {f"{street.free_port()}/tcp": "sleeper"}, {"drain_timeout": "1h"},
                              start=False).start(ready=False)
        street.wait_until(portier.socket.exists, "the command socket is there")
        street.wait_until(lambda: portier.processes("sleeper"), "the sleeper has started")
        self.assertEqual(portier.command("stop").stdout, "stopped\n")
        self.assertEqual(portier.wait_ended(), 0)


class Refused(CommandLine):
    def second(self, first, **config):
        """The output of a portier that must not start."""
        other = self.street({"echo": street.handler("echo")}, {f"{street.free_port()}/tcp": "echo"}, start=False)
        other.socket = first.socket if first else other.socket
        other.config.update(config)
        other.start(ready=False)
        self.assertEqual(other.wait_ended(), 1)
        self.assertEqual(kernel.descendants(other.pid), [])
        return other.log()

    def test_a_second_portier_on_the_same_command_socket(self):
        first = self.echo_street()
        self.assertIn(f"command socket {first.socket}: another portier listens there", self.second(first))
        self.assertEqual(first.status()["keeper_pid"], first.pid, "the first one keeps its socket")

    def test_a_socket_file_of_the_dead_is_replaced_and_another_file_is_not(self):
        portier = self.echo_street(start=False)
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(portier.socket))
        portier.start()
        self.assertEqual(portier.status()["keeper_pid"], portier.pid)
        other = self.folder / "precious"
        other.write_text("a diary")
        done = self.portier("run", portier.file, "--socket", other)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(other.read_text(), "a diary")

    def test_a_taken_port_names_the_holder(self):
        for kind, protocol in ((socket.SOCK_STREAM, "tcp"), (socket.SOCK_DGRAM, "udp")):
            with self.subTest(protocol=protocol), socket.socket(socket.AF_INET, kind) as holder:
                holder.bind(("127.0.0.1", 0))
                if protocol == "tcp":
                    holder.listen()
                key = f"127.0.0.1:{holder.getsockname()[1]}/{protocol}"
                handlers = {"echo": street.handler("echo", delivery="inherit")}
                log = self.second(None, handlers=handlers, ports={key: "echo"})
                name = kernel.read(os.getpid(), "comm").strip()
                for words in (f"port {key}", f"held by {name}, pid {os.getpid()}", "Address already in use"):
                    self.assertIn(words, log)

    def test_a_taken_admin_port_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as holder:
            place = f"127.0.0.1:{holder.getsockname()[1]}"
            log = self.second(None, admin={"listen": place})
        self.assertIn(place, log)
        self.assertIn("Address already in use", log)
        self.assertIn(f"pid {os.getpid()}", log)


if __name__ == "__main__":
    street.main()
