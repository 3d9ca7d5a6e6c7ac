"""The UDP servers that are compared: a bare echo server, and the relays in front of it."""

import socket

from servers import Fleet


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


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class UdpFleet(Fleet):
    answers = staticmethod(answers)

    def _bare(self):
        return self._echo("bare_udp_echo", free_udp_port())

    def _relay(self):
        return self._portier("relay", "portier-udp.yaml.in", free_udp_port(), backend=self.backend)

    STARTERS = {
        "relay": _relay,
        "nginx": lambda fleet: fleet._nginx("nginx-udp.conf.in", free_udp_port()),
    }
