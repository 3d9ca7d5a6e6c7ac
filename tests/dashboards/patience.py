"""Waiting on conditions, and ports that are free."""

import socket
import time

PATIENCE = 30


def until(condition, what, patience=PATIENCE):
    """The first true answer of condition(), asked again and again; fails when it takes too long."""
    deadline = time.monotonic() + patience
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience} s for {what}")
        time.sleep(0.05)
    return answer


def free_ports(count):
    """Different ports that nobody has on the loopback, neither by TCP nor by UDP."""
    held = []
    try:
        while len(held) < 2 * count:
            tcp, udp = (socket.socket(type=kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM))
            held += [tcp, udp]
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(("127.0.0.1", tcp.getsockname()[1]))
            except OSError:
                held = held[:-2]
                tcp.close()
                udp.close()
        return [tcp.getsockname()[1] for tcp in held[::2]]
    finally:
        for one in held:
            one.close()
