"""The servers that are compared: how each is started on a free loopback port, known to be ready, and ended.

A relay (haproxy, nginx) stands in front of the bare server. Everything is ended by its own process object.
"""

import contextlib
import os
import pathlib
import shutil
import socket
import string
import subprocess
import time

HERE = pathlib.Path(__file__).parent
STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"
PATIENCE = 30

HAPROXY_TUNED = {
    "tuned_global": "tune.maxaccept 256",
    "tuned_defaults": "\n    ".join(["option splice-auto", "option tcp-smart-accept", "option tcp-smart-connect"]),
    "tuned_bind": "shards by-thread",
}
HAPROXY_DEFAULT = {key: "" for key in HAPROXY_TUNED}


class Missing(Exception):
    """A program that is needed for the comparison is not there: never skipped silently."""


def program(name, places=()):
    for place in places:
        if pathlib.Path(place).is_file():
            return str(place)
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if not found:
        raise Missing(f"{name} is not installed or not built (looked at: {', '.join(map(str, places)) or 'PATH'})")
    return found


def pinned(command, cpus):
    """The command, to be run on these CPUs only."""
    return ["taskset", "--cpu-list", ",".join(map(str, cpus)), *command] if cpus else list(command)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    """Whether an echo server is at the port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"ready?")
            return connection.recv(6) == b"ready?"
    except OSError:
        return False


def cpu_seconds(pid):
    """CPU time of a process and its living descendants."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        children = [int(child) for task in os.listdir(f"/proc/{pid}/task")
                    for child in pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + sum(map(cpu_seconds, children))


class Fleet:
    """Starts servers and ends them all; use it in a with statement. STARTERS: how each is started, by its name."""

    answers = staticmethod(answers)  # of a port

    def __init__(self, build, directory, processes, cpus=None):
        self.build = pathlib.Path(build)
        self.directory = pathlib.Path(directory)
        self.processes = processes
        self.cpus = cpus  # None: not pinned
        self.running = {}  # by port
        self.backend = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.running.values()):
            process.terminate()
        for process in reversed(self.running.values()):
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self, name):
        """Starts the server of that name and returns its port."""
        if self.backend is None:
            self.backend = self._bare()
        return self.backend if name == "bare" else self.STARTERS[name](self)

    @classmethod
    def names(cls):
        return ["bare", *cls.STARTERS]

    def cpu_seconds(self, port):
        """CPU time of the server at the port so far."""
        return cpu_seconds(self.running[port].pid)

    def _run(self, name, command, port):
        log = open(self.directory / f"{name}.log", "wb")
        with log:
            process = subprocess.Popen(pinned(command, self.cpus), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True)
        self.running[port] = process
        deadline = time.monotonic() + PATIENCE
        while not self.answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                text = pathlib.Path(log.name).read_text(errors="replace")
                raise RuntimeError(f"{name} does not answer on port {port}\n{' '.join(command)}\n{text}")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
        return port

    def _render(self, template, name, **values):
        text = (HERE / template).read_text()
        path = self.directory / name
        path.write_text(string.Template(text).substitute(values))
        return str(path)

    def _echo(self, name, port):
        echo = program(name, [self.build / "tests/bench" / name])
        return self._run("bare", [echo, "--port", str(port), "--processes", str(self.processes)], port)

    def _bare(self):
        return self._echo("bare_echo", free_port())

    def _haproxy(self, name, tuning):
        port = free_port()
        config = self._render("haproxy.cfg.in", f"{name}.cfg", port=port, backend=self.backend, **tuning)
        return self._run(name, [program("haproxy"), "-db", "-f", config], port)

    def _nginx(self, template, port):
        if not pathlib.Path(STREAM_MODULE).is_file():
            raise Missing(f"nginx has no stream module at {STREAM_MODULE}")
        config = self._render(template, "nginx.conf", port=port, backend=self.backend, directory=self.directory,
                              processes=self.processes, stream_module=STREAM_MODULE)
        command = [program("nginx"), "-e", "stderr", "-p", str(self.directory), "-c", config]
        return self._run("nginx", command, port)

    def _portier(self, name, template, port, **values):
        portier = program("portier", [self.build / "router/portier", self.build / "portier"])
        config = self._render(template, "portier.yaml", port=port, admin=free_port(), directory=self.directory, **values)
        return self._run(name, [portier, "run", config], port)

    def _handoff(self):
        echo = program("echo handler", [self.build / "handlers/echo/echo", self.build / "handlers/echo"])
        return self._portier("handoff", "portier.yaml.in", free_port(), echo=echo, processes=self.processes)

    STARTERS = {
        "handoff": _handoff,
        "haproxy": lambda fleet: fleet._haproxy("haproxy", HAPROXY_DEFAULT),
        "haproxy-tuned": lambda fleet: fleet._haproxy("haproxy-tuned", HAPROXY_TUNED),
        "nginx": lambda fleet: fleet._nginx("nginx.conf.in", free_port()),
    }
