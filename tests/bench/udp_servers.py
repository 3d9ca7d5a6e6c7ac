"""The UDP servers that are compared: a bare echo server, and the relays in front of it."""

import pathlib
import socket

from servers import STREAM_MODULE, Fleet, Missing, program


def answers(port):
    """Whether a UDP echo server is at the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        client.connect(("127.0.0.1", port))
        try:
            client.send(b"ready?")
            return client.recv(64) == b"ready?"
        except OSError:
            return False


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class UdpFleet(Fleet):
    answers = staticmethod(answers)

    def start(self, name):
        if self.backend is None:
            self.backend = self._bare()
        return self.backend if name == "bare" else STARTERS[name](self)

    def _bare(self):
        bare = program("bare_udp_echo", [self.build / "tests/bench/bare_udp_echo"])
        port = free_port()
        return self._run("bare", [bare, "--port", str(port), "--processes", str(self.processes)], port)

    def _nginx(self):
        if not pathlib.Path(STREAM_MODULE).is_file():
            raise Missing(f"nginx has no stream module at {STREAM_MODULE}")
        port = free_port()
        config = self._render("nginx-udp.conf.in", "nginx.conf", port=port, backend=self.backend,
                              directory=self.directory, processes=self.processes, stream_module=STREAM_MODULE)
        command = [program("nginx"), "-e", "stderr", "-p", str(self.directory), "-c", config]
        return self._run("nginx", command, port)

    def _relay(self):
        portier = program("portier", [self.build / "router/portier", self.build / "portier"])
        port = free_port()
        config = self._render("portier-udp.yaml.in", "portier.yaml", port=port, backend=self.backend,
                              admin=free_port(), directory=self.directory)
        return self._run("relay", [portier, "run", config], port)


STARTERS = {"relay": UdpFleet._relay, "nginx": UdpFleet._nginx}
NAMES = ["bare", *STARTERS]
