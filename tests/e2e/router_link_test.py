"""A router that has gone wrong, seen from the link to the keeper: it reads nothing, or feeds it for ever."""

import contextlib
import ctypes
import os
import resource
import signal
import socket
import struct

import kernel
import standstill
import street

LINK = 3  # its number in the router
PIDFD_GETFD = 438
# More ends of processes than the link has room for.
PROCESSES = 400
FEEDERS = 3
APPLIED = struct.pack("<B3xIQ", 4, 0, 1)  # router/delivery/link


def steal_link(router):
    """A copy of the router's end, as a process that it left behind would have it."""
    pidfd = os.pidfd_open(router)
    try:
        copy = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, pidfd, LINK, 0)
        if copy < 0:
            raise OSError(ctypes.get_errno(), "pidfd_getfd")
        return socket.socket(fileno=copy)
    finally:
        os.close(pidfd)


def feed(link):
    """A process that writes there until nobody can read it."""
    pid = os.fork()
    if pid:
        return pid
    try:
        while True:
            link.send(APPLIED)
    except (BrokenPipeError, ConnectionResetError):
        os._exit(0)
    finally:
        os._exit(1)


class RouterLink(street.Case):
    def open_street(self, script, **keys):
        self.port = street.free_port()
        handler = {"delivery": "spawn", "style": "inetd", "command": ["/bin/sh", "-c", script], **keys}
        self.portier = self.street({"git": handler}, {f"{self.port}/tcp": "git"}, {"drain_timeout": "1s"})

    def wait_for_another(self, router):
        street.wait_until(lambda: self.portier.router_pid() not in (router, None), "another router is there")

    def test_a_router_that_reads_nothing_is_replaced(self):
        """Also when the link is so full that it cannot even be asked."""
        self.open_street("echo there; exec sleep 1000", max_processes=PROCESSES)
        clients = [self.client(self.port) for _ in range(PROCESSES)]
        for client in clients:
            self.assertEqual(street.exactly(client, 6), b"there\n")
        router = self.portier.router_pid()
        spawned = [pid for pid in kernel.children(self.portier.pid) if pid != router]
        standstill.halt(router)
        for pid in spawned:
            os.kill(pid, signal.SIGKILL)
        self.wait_for_another(router)
        street.wait_until(lambda: self.portier.status()["handlers"][0]["running"] == 0, "all have ended")
        self.assertEqual(street.exactly(self.client(self.port), 6), b"there\n")

    def test_what_a_router_leaves_behind_does_not_hold_the_keeper(self):
        self.open_street("echo there")
        router = self.portier.router_pid()
        link = steal_link(router)
        feeders = [feed(link) for _ in range(FEEDERS)]
        link.close()
        try:
            os.kill(router, signal.SIGKILL)
            self.wait_for_another(router)
            self.assertEqual(street.exactly(self.client(self.port), 6), b"there\n")
            for pid in feeders:
                self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, "nobody reads it any more")
        finally:
            for pid in feeders:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def test_a_keeper_without_descriptors_leaves_the_router_alone(self):
        """It can neither tell it of a change, nor start another one: the change is told once there is room again."""
        port = street.free_port()
        portier = self.street({"veg": street.handler("echo", restart={"first": "1ms"})}, {f"{port}/tcp": "veg"})
        router = portier.router_pid()
        (pid,) = portier.pids("veg").values()
        before = resource.prlimit(portier.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(portier.pid, resource.RLIMIT_NOFILE, (LINK, before[1]))
        os.kill(pid, signal.SIGKILL)
        said = "the router cannot be told its plan now, it is tried again"
        street.wait_until(lambda: portier.log_lines(message=said), "the plan cannot be sent", patience=20)
        resource.prlimit(portier.pid, resource.RLIMIT_NOFILE, before)
        self.assertTrue(street.ask(self.client(port)))
        self.assertEqual(portier.router_pid(), router)


if __name__ == "__main__":
    street.main()
