"""The street of a test: the real portier with a generated configuration on free ports, a command socket of its own in a
temporary folder, and everything ended by process id. PORTIER_BUILD names the build folder.

As root each test gets a network namespace of its own, so that ports are free and the kernel's counters are its own.
"""

import contextlib
import http.client
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import kernel

BUILD = pathlib.Path(os.environ["PORTIER_BUILD"]).absolute()
PORTIER = BUILD / "portier"
HERE = pathlib.Path(__file__).parent
PYTHON = shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable  # one that every user may run
PATIENCE = 60
SANITIZED = any(mark in PORTIER.read_bytes() for mark in (b"__asan_init", b"__tsan_init"))
COMPLAINTS = ("Sanitizer", "runtime error:")  # of a sanitizer, wherever they appear in a log


def handler(name, *arguments, **keys):
    """A handler of the samples that says when it is ready."""
    return {"command": [str(BUILD / "handlers" / name), *arguments], "ready": "notify", **keys}


def script(name, *arguments, **keys):
    """A handler that is a Python program of this folder."""
    return {"command": [PYTHON, "-I", "-B", str(HERE / "handlers" / name), *arguments], **keys}


def port_numbers():
    """All below the ephemeral ports, so that no client's own end takes one before portier does, and each only once."""
    ephemeral = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    numbers = range(10_000, max(ephemeral, 20_000))
    start = os.getpid() * 97 % len(numbers)  # other tests run beside this one
    return itertools.cycle((*numbers[start:], *numbers[:start]))


PORT_NUMBERS = port_numbers()


def free_port(kind=socket.SOCK_STREAM):
    for number in PORT_NUMBERS:
        with socket.socket(socket.AF_INET, kind) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", number))
            return number


def wait_until(condition, what, patience=PATIENCE, pause=0.01):
    """Returns the condition's first true value."""
    deadline = time.monotonic() + patience
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience} s in vain: {what}")
        time.sleep(pause)
    return value


def connect(port, source=None, host="127.0.0.1"):
    return socket.create_connection((host, port), PATIENCE, (source, 0) if source else None)


def exactly(client, size):
    data = b""
    while len(data) < size:
        more = client.recv(size - len(data))
        if not more:
            raise EOFError(f"the connection ended after {data!r}")
        data += more
    return data


def ask(client, request=b"hello, house"):
    """Whether an echo server answers on this connection."""
    client.sendall(request)
    return exactly(client, len(request)) == request


class Metrics(dict):
    """The samples of one scrape, by name and labels."""

    def __init__(self, text):
        super().__init__()
        for name, labels, value in re.findall(r"^(\w+)(?:{(.*)})? (\S+)$", text, re.MULTILINE):
            pairs = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels)
            self[name, frozenset(pairs)] = float(value)

    def of(self, name, **labels):
        """The one sample with exactly these labels."""
        return self[name, frozenset(labels.items())]

    def all(self, name, **labels):
        """The values of all samples that have these labels, by the labels."""
        wanted = set(labels.items())
        return {key: value for (other, key), value in self.items() if other == name and wanted <= key}

    def total(self, name, **labels):
        return sum(self.all(name, **labels).values())


class Street:
    def __init__(self, folder, handlers, ports, router=None, **admin):
        self.folder = pathlib.Path(folder)
        self.file = self.folder / "street.yaml"
        self.socket = self.folder / "portier.sock"
        self.admin_port = free_port()
        self.config = {"version": 1, "handlers": handlers, "ports": ports, "router": router or {},
                       "admin": {"listen": f"127.0.0.1:{self.admin_port}", **admin}}
        self.process = None
        self.log_file = self.folder / "portier.log"

    def write(self, text=None):
        """Puts the configuration (JSON is YAML), or this text, into the file."""
        fresh = self.file.with_suffix(".fresh")
        fresh.write_text(json.dumps(self.config, indent=1) if text is None else text)
        fresh.chmod(0o644)
        fresh.rename(self.file)  # never half written when portier reads it

    def start(self, prefix=(), ready=True, portier=PORTIER, **options):
        self.write()
        command = [*map(str, prefix), str(portier), "run", str(self.file), "--socket", str(self.socket)]
        with open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options)
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self):
        """Until it says so, and every process of every handler that does not wait for demand is there."""
        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"portier ended with {self.process.returncode}\n{self.log()}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                return self.get("/readyz")[0] == 200
            return False
        wait_until(ready, "portier is ready")
        for name, keys in self.config["handlers"].items():
            if keys.get("start") == "on_demand" or "command" not in keys or keys.get("delivery") == "spawn":
                continue
            wait_until(lambda: len(self.pids(name)) == keys.get("processes", 1), f"all processes of {name} are ready")

    @property
    def pid(self):
        return self.process.pid

    def router_pid(self):
        """The router's process id, or None while there is none."""
        for child in kernel.children(self.pid):
            if kernel.command_line(child)[1:2] == ["router"]:
                return child
        return None

    def get(self, path, method="GET"):
        """Status, headers and body of one HTTP request to the admin port."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path, headers={"Connection": "close"})
            response = connection.getresponse()
            return response.status, response.headers, response.read().decode()

    def metrics(self):
        def scrape():
            with contextlib.suppress(OSError, http.client.HTTPException):  # a router may just be dying
                status, _, body = self.get("/metrics")
                return Metrics(body) if status == 200 else None
        return wait_until(scrape, "the metrics are served")

    def metric(self, name, **labels):
        return self.metrics().of(name, **labels)

    def wait_metric(self, wanted, name, **labels):
        """Waits until the sample has the value `wanted`."""
        seen = []

        def reached():
            seen[:] = [self.metric(name, **labels)]
            return seen[0] == wanted
        try:
            wait_until(reached, "")
        except AssertionError:
            raise AssertionError(f"{name}{labels} is {seen[0]} and not {wanted}") from None

    def command(self, *arguments):
        """One run of portier's command line against this street."""
        return subprocess.run([str(PORTIER), *arguments, "--socket", str(self.socket)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=10 * PATIENCE, check=False)

    def status(self):
        done = self.command("status", "-o", "json")
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return json.loads(done.stdout)

    def processes(self, name):
        """The processes of a handler, as `portier status` tells them."""
        return next(item["processes"] for item in self.status()["handlers"] if item["handler"] == name)

    def pids(self, name):
        return {process["process"]: process["pid"] for process in self.processes(name) if process["state"] == "ready"}

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def log_lines(self, **fields):
        """The JSON lines of the log that have these fields."""
        lines = []
        for text in self.log().splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                line = json.loads(text)
                if fields.items() <= line.items():
                    lines.append(line)
        return lines

    def wait_ended(self):
        return self.process.wait(2 * PATIENCE)

    def close(self):
        """SIGTERM, unless it has ended: it must end with 0, leave no process behind, and have had no complaint."""
        if self.process is None:
            return
        ended_before = self.process.poll() is not None
        family = kernel.descendants(self.pid)
        try:
            if not ended_before:
                self.process.terminate()
                if self.wait_ended() != 0:
                    raise AssertionError(f"SIGTERM: portier ended with {self.process.returncode}")
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        wait_until(lambda: not any(map(kernel.is_running, family)), "all processes of portier have ended")
        for complaint in COMPLAINTS:
            if complaint in self.log():
                raise AssertionError(f"a sanitizer complained: {complaint}")


class Case(unittest.TestCase):
    def setUp(self):
        self.isolated = kernel.isolate_network()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="portier-e2e-"))
        self.folder.chmod(0o755)  # handlers with another user come here too
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.streets = []

    def run(self, result=None):
        problems = len(result.failures) + len(result.errors) if result else 0
        super().run(result)
        if result and len(result.failures) + len(result.errors) > problems:
            for log in self.logs:
                print(f"--- the end of portier's log in {self.id()}\n{log[-6000:]}", file=sys.stderr)

    def street(self, handlers, ports, router=None, start=True, **admin):
        folder = self.folder / f"street{len(self.streets)}"
        folder.mkdir(mode=0o755)
        street = Street(folder, handlers, ports, router, **admin)
        self.streets.append(street)
        self.addCleanup(self.end_street, street)
        return street.start() if start else street

    logs = ()

    def end_street(self, street):
        try:
            street.close()
        finally:
            self.logs = (*self.logs, street.log())

    def client(self, port, source=None, host="127.0.0.1"):
        client = connect(port, source, host)
        self.addCleanup(client.close)
        return client

    def guests(self, mode, port, *options):
        from guests import Guests
        guests = Guests(mode, port, *options)
        self.addCleanup(guests.close)
        return guests

    def assert_no_failures(self, report):
        failures = {kind: count for kind, count in report["failures"].items() if count}
        self.assertEqual(failures, {}, report)


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    unittest.main(module="__main__", verbosity=2)
