"""The servers that are compared: how each is started on a free loopback port, known to be ready, and ended.

A relay (haproxy, nginx) stands in front of the bare server. Everything is ended by its own process object.
"""

import contextlib
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


class Fleet:
    """Starts servers and ends them all; use it in a with statement."""

    answers = staticmethod(answers)  # of a port

    def __init__(self, build, directory, processes, cpus=None):
        self.build = pathlib.Path(build)
        self.directory = pathlib.Path(directory)
        self.processes = processes
        self.cpus = cpus  # None: not pinned
        self.running = []
        self.backend = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.running):
            process.terminate()
        for process in reversed(self.running):
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self, name):
        """Starts the server of that name and returns its port."""
        if self.backend is None:
            self.backend = self._bare()
        return self.backend if name == "bare" else STARTERS[name](self)

    def _run(self, name, command, port):
        log = open(self.directory / f"{name}.log", "wb")
        with log:
            process = subprocess.Popen(pinned(command, self.cpus), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True)
        self.running.append(process)
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

    def _bare(self):
        bare = program("bare_echo", [self.build / "tests/bench/bare_echo"])
        port = free_port()
        return self._run("bare", [bare, "--port", str(port), "--processes", str(self.processes)], port)

    def _haproxy(self, name, tuning):
        port = free_port()
        config = self._render("haproxy.cfg.in", f"{name}.cfg", port=port, backend=self.backend, **tuning)
        return self._run(name, [program("haproxy"), "-db", "-f", config], port)

    def _nginx(self):
        if not pathlib.Path(STREAM_MODULE).is_file():
            raise Missing(f"nginx has no stream module at {STREAM_MODULE}")
        port = free_port()
        config = self._render("nginx.conf.in", "nginx.conf", port=port, backend=self.backend, directory=self.directory,
                              processes=self.processes, stream_module=STREAM_MODULE)
        command = [program("nginx"), "-e", "stderr", "-p", str(self.directory), "-c", config]
        return self._run("nginx", command, port)

    def _handoff(self):
        portier = program("portier", [self.build / "router/portier", self.build / "portier"])
        echo = program("echo handler", [self.build / "handlers/echo/echo", self.build / "handlers/echo"])
        port = free_port()
        config = self._render("portier.yaml.in", "portier.yaml", port=port, admin=free_port(), echo=echo,
                              directory=self.directory, processes=self.processes)
        return self._run("handoff", [portier, "run", config], port)


STARTERS = {
    "handoff": Fleet._handoff,
    "haproxy": lambda fleet: fleet._haproxy("haproxy", HAPROXY_DEFAULT),
    "haproxy-tuned": lambda fleet: fleet._haproxy("haproxy-tuned", HAPROXY_TUNED),
    "nginx": Fleet._nginx,
}
NAMES = ["bare", *STARTERS]
