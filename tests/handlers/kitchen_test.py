"""kitchen and kitchen.py: the same line protocol, by handoff and by inherit, over TCP and UDP."""

import os
import socket
import subprocess
import unittest

from clients import Lines, everything, tcp
from fake_router import PATIENCE, Handoff, Inherit, command_of, until
from sample_case import SampleCase

MENU = "today in the veg kitchen: dosa idli paneer samosa thali"
SERVED = "here is your dosa, enjoy"
WRONG_HOUSE = "sorry, this is the veg kitchen: for biryani please go to the non-veg house"
USAGE = "please say: order NAME, menu, or bye"

# Who speaks the protocol, and by which delivery.
KITCHENS = ((Handoff, "kitchen"), (Inherit, "kitchen"), (Handoff, "kitchen.py"))


class KitchenTest(SampleCase):
    def each_kitchen(self, menu="veg"):
        for kind, program in KITCHENS:
            with self.subTest(delivery=kind.__name__, program=program):
                yield self.start(kind, program, "--menu", menu)

    def guest(self, kitchen):
        return self.closing(Lines(kitchen.port))

    def test_orders_refusals_and_the_menu(self):
        for kitchen in self.each_kitchen():
            guest = self.guest(kitchen)
            self.assertEqual(guest.ask(b"order dosa"), SERVED)
            self.assertEqual(guest.ask(b"  order   dosa \r"), SERVED)
            self.assertEqual(guest.ask(b"order biryani"), WRONG_HOUSE)
            self.assertIn("we do not cook", guest.ask(b"order stones"))
            self.assertEqual(guest.ask(b"menu"), MENU)
            for line in b"", b"order", b"dance", b"ORDER dosa", b"menu please":
                self.assertEqual(guest.ask(line), USAGE)
            self.assertEqual(guest.ask(b"bye"), "thank you, come again")
            self.assertEqual(guest.hear(), "")

    def test_the_other_house(self):
        for kitchen in self.each_kitchen("non-veg"):
            guest = self.guest(kitchen)
            self.assertEqual(guest.ask(b"order biryani"), "here is your biryani, enjoy")
            self.assertEqual(guest.ask(b"order dosa"),
                             "sorry, this is the non-veg kitchen: for dosa please go to the veg house")

    def test_lines_in_pieces_and_many_at_once(self):
        for kitchen in self.each_kitchen():
            guest = self.guest(kitchen)
            for byte in b"order dosa":
                guest.socket.sendall(bytes([byte]))
            self.assertEqual(guest.ask(b""), SERVED)
            guest.socket.sendall(b"menu\norder dosa\n" * 500)
            for _ in range(500):
                self.assertEqual((guest.hear(), guest.hear()), (MENU, SERVED))

    def test_odd_bytes_are_harmless(self):
        for kitchen in self.each_kitchen():
            guest = self.guest(kitchen)
            answer = guest.ask(b"order \xff\x00\x1b[2J\xe0\xa4\xa6")
            self.assertIn("we do not cook", answer)
            self.assertNotIn("\x1b", answer)
            self.assertNotIn("\0", answer)
            self.assertEqual(guest.ask(bytes(byte for byte in range(256) if byte != 10)), USAGE)
            self.assertEqual(guest.ask(b"order dosa"), SERVED)

    def test_an_endless_line_is_not_collected(self):
        for kitchen in self.each_kitchen():
            client = self.closing(tcp(kitchen.port))
            with self.assertRaises(OSError):
                while True:
                    client.sendall(b"x" * 65536)

    def test_silent_and_slow_guests_hold_up_nobody(self):
        for kitchen in self.each_kitchen():
            silent = self.guest(kitchen)
            silent.socket.sendall(b"order do")
            slow = self.closing(tcp(kitchen.port, receive_buffer=4096))
            slow.setblocking(False)
            try:
                while True:  # asks, and never reads an answer
                    slow.sendall(b"menu\n" * 1000)
            except OSError:
                pass
            guest = self.guest(kitchen)
            self.assertEqual(guest.ask(b"order dosa"), SERVED)
            self.assertEqual(silent.ask(b"sa"), SERVED)

    def test_drain_and_sigterm(self):
        for kitchen in self.each_kitchen():
            guest = self.guest(kitchen)
            self.assertEqual(guest.ask(b"order dosa"), SERVED)
            if isinstance(kitchen, Handoff):
                kitchen.drain()
                self.assertEqual(guest.ask(b"order dosa"), SERVED)
                guest.close()
            else:
                kitchen.terminate()
                self.assertEqual(everything(guest.socket), b"")
            self.assert_ends_well(kitchen)

    def test_sigterm_by_handoff(self):
        for program in "kitchen", "kitchen.py":
            with self.subTest(program=program):
                kitchen = self.start(Handoff, program, "--menu", "veg")
                guest = self.guest(kitchen)
                self.assertEqual(guest.ask(b"order dosa"), SERVED)
                kitchen.terminate()
                self.assertEqual(everything(guest.socket), b"")
                self.assert_ends_well(kitchen)
                until(lambda: kitchen.stopping, "the message stopping")

    def test_sigterm_when_portier_no_longer_listens(self):
        for program in "kitchen", "kitchen.py":
            with self.subTest(program=program):
                kitchen = self.start(Handoff, program, "--menu", "veg")
                guest = self.guest(kitchen)
                self.assertEqual(guest.ask(b"order dosa"), SERVED)
                kitchen.channel.shutdown(socket.SHUT_RD)  # what it says now fails with EPIPE
                kitchen.terminate()
                self.assertEqual(everything(guest.socket), b"")
                self.assert_ends_well(kitchen)
                self.assertNotIn("Traceback", kitchen.errors())

    def test_the_python_kitchen_says_who_starts_it(self):
        alone = {name: value for name, value in os.environ.items() if name != "PORTIER_FD"}
        run = subprocess.run(command_of("kitchen.py") + ["--menu", "veg"], env=alone, capture_output=True, check=False)
        self.assertEqual((run.returncode, run.stderr.count(b"\n")), (1, 1), run.stderr)
        self.assertIn(b"is started by portier", run.stderr)

    def test_at_the_descriptor_limit_others_wait(self):
        limit, guests = 64, 150
        for kind, program in (Handoff, "kitchen"), (Handoff, "kitchen.py"):
            with self.subTest(program=program):
                kitchen = self.start(kind, program, "--menu", "veg", limit=limit)
                waiting = [self.guest(kitchen) for _ in range(guests)]
                until(lambda: kitchen.credit == 0, "the window to close")
                for guest in waiting:
                    self.assertEqual(guest.ask(b"order dosa"), SERVED)
                    guest.close()

    def test_udp_one_datagram_one_reply(self):
        kitchen = self.start(Inherit, "kitchen", "--menu", "veg")
        client = self.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", kitchen.udp_port))
        for request, wanted in ((b"order dosa\n", SERVED), (b"order biryani", WRONG_HOUSE), (b"menu", MENU),
                                (b"", USAGE), (b"\xff" * 60000, USAGE), (b"bye", "thank you, come again")):
            client.send(request)
            self.assertEqual(client.recv(65536).decode(), wanted + "\n")

    def test_last_line_without_an_end(self):
        for kind in Handoff, Inherit:
            kitchen = self.start(kind, "kitchen", "--menu", "veg")
            client = self.closing(tcp(kitchen.port))
            client.sendall(b"order dosa")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(everything(client).decode(), SERVED + "\n")

    def test_the_python_kitchen_is_short(self):
        with open(command_of("kitchen.py")[0]) as source:
            self.assertLessEqual(len(source.readlines()), 60)


if __name__ == "__main__":
    unittest.main()
