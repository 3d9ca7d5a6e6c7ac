"""What the log looks like, and that nobody waits for who reads it."""

import contextlib
import json
import os
import pty
import select
import signal
import subprocess

import street


class Logs(street.Case):
    def echo_street(self, **options):
        self.port = street.free_port()
        self.key = f"{self.port}/tcp"
        return self.street({"echo": street.handler("echo")}, {self.key: "echo"}, start=False, **options)

    def test_one_json_object_a_line_when_nobody_looks(self):
        says = r"""printf '"quoted" \\ \033[2J\377\n'; exec sleep 1000"""
        portier = self.street({"talker": {"command": ["/bin/sh", "-c", says], "delivery": "inherit"}},
                              {f"{street.free_port()}/tcp": "talker"})
        escaped = r'"quoted" \\ \x1b[2J\xff'
        street.wait_until(lambda: portier.log_lines(handler="talker", message=escaped), "its line is in the log")
        os.kill(portier.router_pid(), signal.SIGKILL)
        street.wait_until(lambda: portier.log_lines(level="warning"), "the router's death is in the log")
        portier.command("stop")
        portier.wait_ended()
        for line in portier.log().splitlines():
            fields = json.loads(line)
            self.assertLessEqual({"time", "level", "role", "message"}, fields.keys(), line)
            self.assertTrue(line.isprintable(), line)

    def test_nobody_reads_the_log(self):
        """A pipe that is full holds up neither the guests nor the supervision, and is told of later."""
        portier = self.echo_street(router={"log": {"connections": True}})
        portier.write()
        ours, theirs = os.pipe()
        portier.process = subprocess.Popen([street.PORTIER, "run", portier.file, "--socket", portier.socket],
                                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        self.addCleanup(os.close, ours)
        portier.wait_ready()
        for _ in range(1000):  # a line each, more than a pipe holds
            with street.connect(self.port) as client:
                self.assertTrue(street.ask(client))
        os.kill(portier.pids("echo")[0], signal.SIGKILL)
        street.wait_until(lambda: portier.metric("portier_handler_restarts_total", handler="echo", reason="signal") == 1,
                          "the process is started again")
        os.set_blocking(ours, False)
        text = ""

        def told():
            nonlocal text
            with street.connect(self.port) as client:
                self.assertTrue(street.ask(client))
            with contextlib.suppress(BlockingIOError):
                text += os.read(ours, 65536).decode()
            return "log lines were dropped" in text
        street.wait_until(told, "the log says that lines are missing")

    def test_nobody_has_the_standard_streams(self):
        """What is meant for a closed stream goes nowhere, least of all into a descriptor of ours."""
        portier = self.echo_street()
        portier.write()
        portier.process = subprocess.Popen(
            ["/bin/sh", "-c", 'exec "$0" run "$1" --socket "$2" <&- >&- 2>&-', street.PORTIER, portier.file, portier.socket])
        portier.wait_ready()
        for number in (0, 1, 2):
            self.assertEqual(os.readlink(f"/proc/{portier.pid}/fd/{number}"), "/dev/null")

    def test_text_on_a_terminal(self):
        portier = self.echo_street()
        portier.write()
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        portier.process = subprocess.Popen([street.PORTIER, "run", portier.file, "--socket", portier.socket],
                                           stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
        os.close(theirs)
        text = ""
        while f"{self.key} handler=echo" not in text:
            self.assertTrue(select.select([ours], [], [], street.PATIENCE)[0], f"nothing more after {text!r}")
            text += os.read(ours, 4096).decode()
        self.assertRegex(text, r"(?m)^\d\d:\d\d:\d\d\.\d{3} info +keeper: running version=")
        self.assertNotIn('{"', text)
        portier.wait_ready()


if __name__ == "__main__":
    street.main()
