"""A portier with a small configuration, guests that come and go, and everything that can go wrong."""

import json
import os
import pathlib
import signal
import socket
import subprocess

from patience import PATIENCE, free_ports, until
from shipped import BUILD

CONFIG = """\
version: 1
handlers:
  echo: {{delivery: handoff, command: [{echo}], processes: 2, ready: notify, restart: {{first: 500ms}}}}
  shared: {{delivery: inherit, command: [{echo}], ready: notify}}
  passed: {{delivery: relay, connect: ["127.0.0.1:{shared}", "127.0.0.1:{nobody}"], fail_timeout: 1s}}
  once: {{delivery: spawn, style: inetd, command: [cat]}}
ports:
  "127.0.0.1:{open}/tcp": echo
  "127.0.0.1:{small}/tcp": {{handler: echo, max_connections: 5, over_limit: reset}}
  "127.0.0.1:{shared}/tcp": shared
  "127.0.0.1:{shared}/udp": shared
  "127.0.0.1:{passed}/tcp": passed
  "127.0.0.1:{passed}/udp": {{handler: passed, flow_idle: 1s}}
  "127.0.0.1:{once}/tcp": once
admin: {{listen: "127.0.0.1:{admin}", socket: {socket}}}
router: {{drain_timeout: 2s}}
"""
GUESTS = BUILD / "tests/guests/guests"
# Far more than the receive buffer of a socket holds.
FLOOD = 3000


class Street:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.file = self.folder / "street.yaml"
        self.socket = self.folder / "portier.sock"
        self.ports = dict(zip(("open", "small", "shared", "passed", "once", "admin", "nobody"), free_ports(7)))
        self.guests = []
        self.write(CONFIG)
        self.log = open(self.folder / "portier.log", "wb")
        self.process = subprocess.Popen([BUILD / "portier", "run", self.file], stdout=self.log, stderr=self.log)

    def write(self, text):
        self.file.write_text(text.format(echo=BUILD / "handlers/echo", socket=self.socket, **self.ports))

    def command(self, *arguments):
        return subprocess.run([BUILD / "portier", *arguments, "--socket", self.socket], capture_output=True, text=True,
                              timeout=PATIENCE, check=False)

    def status(self):
        assert self.process.poll() is None, self.said()
        done = self.command("status", "-o", "json")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def wait_until_ready(self):
        def all_ready():
            status = self.status()
            return status and not any(handler["problem"] for handler in status["handlers"])
        until(all_ready, "every handler to be ready")

    def said(self):
        return (self.folder / "portier.log").read_text()

    def let_in(self, mode, port, *options):
        """Guests that come until the end."""
        self.guests.append(subprocess.Popen(
            [GUESTS, mode, f"127.0.0.1:{self.ports[port]}", "--until-stdin", "--limit", "2m",
             "--timeout", "5s", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE))

    def load(self):
        self.let_in("crr", "open", "--rate", "200")
        self.let_in("crr", "shared", "--rate", "50")
        self.let_in("crr", "passed", "--rate", "50")
        self.let_in("crr", "once", "--rate", "10")
        self.let_in("rr", "open", "--connections", "20", "--rate", "100")
        self.let_in("udp", "shared", "--rate", "100")
        self.let_in("hold", "small", "--connections", "5", "--greet")
        self.let_in("hold", "shared", "--connections", "3", "--greet")
        for guests in self.guests:
            assert guests.stdout.readline(), "guests did not begin"

    def let_flows_end(self):
        """Flows that say something once, until the first of them are too old."""
        until(self.flow_has_ended, "a flow to end")

    def flow_has_ended(self):
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.sendto(b"are you there?", ("127.0.0.1", self.ports["passed"]))
        port = next(port for port in self.status()["ports"] if port["port"] == f"127.0.0.1:{self.ports['passed']}/udp")
        return port["flows"] < port["created"]

    def turn_one_away(self):
        """One more than the limit."""
        done = subprocess.run([GUESTS, "hold", f"127.0.0.1:{self.ports['small']}", "--connections", "1", "--for", "0s"],
                              capture_output=True, timeout=PATIENCE, check=False)
        assert done.returncode == 1, "more guests than the limit were let in"

    def process_of(self, name):
        processes = next(handler["processes"] for handler in self.status()["handlers"] if handler["handler"] == name)
        return next(process["pid"] for process in processes if process["state"] == "ready")

    def overflow_datagrams(self):
        """More datagrams than a process that does not read can hold."""
        process = self.process_of("shared")
        os.kill(process, signal.SIGSTOP)
        try:
            with socket.socket(type=socket.SOCK_DGRAM) as client:
                for _ in range(FLOOD):
                    client.sendto(b"are you there?", ("127.0.0.1", self.ports["shared"]))
        finally:
            os.kill(process, signal.SIGCONT)

    def kill_a_process(self):
        os.kill(self.process_of("echo"), signal.SIGKILL)

    def kill_the_router(self):
        old = self.status()["router_pid"]
        os.kill(old, signal.SIGKILL)
        until(lambda: (status := self.status()) and status["router_pid"] != old, "another router")

    def reload_badly_and_well(self):
        self.write(CONFIG.replace("processes: 2", "processes: two"))
        assert self.command("reload").returncode != 0, "a bad configuration was taken"
        self.write(CONFIG)
        done = self.command("reload")
        assert done.returncode == 0, done.stderr
        self.write(CONFIG.replace("max_connections: 5", "max_connections: 6"))
        done = self.command("reload")
        assert done.returncode == 0, done.stderr

    def close(self):
        for guests in self.guests:
            guests.communicate(timeout=PATIENCE)
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.log.close()
