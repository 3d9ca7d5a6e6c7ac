"""`transparent` with a client on another machine, or what the kernel takes for one: a network namespace behind a veth
pair. The backend sees an address that is nobody's here, and its answers are routed back to portier, as an operator has
to set it up."""

import subprocess
import sys

import street
from relays import Backend, RelayCase, relay

HOUSE, GUEST, BACKEND = "10.55.0.1", "10.55.0.2", "10.66.0.1"

# The guest: connects when it is told a port, says hello, and prints the answer.
CLIENT = f"""
import socket, sys
print("there", flush=True)
with socket.create_connection(("{HOUSE}", int(sys.stdin.readline())), timeout={street.PATIENCE}) as house:
    house.sendall(b"hello")
    house.shutdown(socket.SHUT_WR)
    print(house.makefile().read(), flush=True)
"""


def ip(*arguments, inside=()):
    subprocess.run([*inside, "ip", *arguments], check=True, timeout=street.PATIENCE)


class Transparent(RelayCase):
    def start_guest(self):
        guest = subprocess.Popen(["unshare", "--net", sys.executable, "-c", CLIENT], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
        self.addCleanup(guest.communicate)
        self.addCleanup(guest.kill)
        self.assertEqual(guest.stdout.readline(), "there\n")
        return guest

    def connect_networks(self, guest):
        there = ("nsenter", "--net", "--target", str(guest.pid))
        ip("link", "add", "house", "type", "veth", "peer", "name", "guest", "netns", str(guest.pid))
        ip("address", "add", f"{HOUSE}/24", "dev", "house")
        ip("link", "set", "house", "up")
        ip("address", "add", f"{GUEST}/24", "dev", "guest", inside=there)
        ip("link", "set", "guest", "up", inside=there)
        ip("address", "add", f"{BACKEND}/32", "dev", "lo")
        # What comes from the backend is for portier, whatever address it goes to. (Both ends of the pair go with the
        # guest, the rest with the namespace of this test.)
        ip("rule", "add", "from", BACKEND, "lookup", "100")
        ip("route", "add", "local", "default", "dev", "lo", "table", "100")

    def test_a_backend_sees_the_address_of_another_machine(self):
        if not self.isolated:  # not root: there is no such relay to be had
            portier = self.street({"far": relay(self.backend.port, transparent=True)},
                                  {f"127.0.0.1:{street.free_port()}/tcp": "far"}, start=False)
            portier.start(ready=False)
            return self.assertEqual(portier.wait_ended(), 2)
        guest = self.start_guest()
        self.connect_networks(guest)
        backend = Backend(host=BACKEND)
        self.addCleanup(backend.close)
        port = street.free_port()
        self.street({"far": relay(f"{BACKEND}:{backend.port}", transparent=True)}, {f"{HOUSE}:{port}/tcp": "far"})
        print(port, file=guest.stdin, flush=True)
        with backend.accept() as far:
            self.assertEqual(far.getpeername()[0], GUEST)
            self.assertEqual(street.exactly(far, 5), b"hello")
            self.assertEqual(far.recv(1), b"")
            far.sendall(b"welcome\n")
        self.assertEqual(guest.stdout.read(), "welcome\n\n")
        self.wait_closed("client_close")


if __name__ == "__main__":
    street.main()
