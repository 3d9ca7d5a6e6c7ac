"""How a side of a relayed connection ends is how the other side sees it end: a FIN or a reset, before, with or after
data, with or without data that it never read; and every byte before it arrives. PORTIER_RELAY_ENDS says how many of each
kind (a long run: 1000)."""

import itertools
import os
import sys
import unittest

import kernel
import street
from relays import RelayCase, read_to_end, reset

COUNT = int(os.environ.get("PORTIER_RELAY_ENDS", "12"))
SIZES = (1, 100, 5000, 70_000)


class EndsTest(RelayCase):
    def end_one(self, number, kind, side, when, unread):
        """Ends one of the sides and returns what the other one saw, and what it should have seen."""
        client, far = self.pair()
        first, other = (client, far) if side == "client" else (far, client)
        data = bytes([number % 251]) * SIZES[number % len(SIZES)] if when != "before" else b""
        if unread:
            other.sendall(b"never read")
            street.wait_until(lambda: first.recv(1, 0x42), "it has come", pause=0)  # MSG_PEEK, MSG_DONTWAIT
        if when == "after":
            first.sendall(data)
            self.assertEqual(street.exactly(other, len(data)), data)
            data = b""
        elif data:
            first.sendall(data)
        if kind == "rst":
            reset(first)
        else:
            first.shutdown(1)
        seen = read_to_end(other)
        if kind == "fin":  # the other direction is still open, and ends the same way
            other.sendall(b"an answer")
            other.shutdown(1)
            back = read_to_end(first)
            self.assertEqual(back, (b"never read" * unread + b"an answer", "fin"))
        for end in (client, far):
            end.close()
        return seen, (data, kind)

    def test_every_end_is_passed_on(self):
        self.relayed()
        kinds = list(itertools.product(("fin", "rst"), ("client", "backend"), ("before", "with", "after"), (False, True)))
        for kind, side, when, unread in kinds:
            with self.subTest(kind=kind, side=side, when=when, unread=unread):
                for number in range(COUNT):
                    seen, wanted = self.end_one(number, kind, side, when, unread)
                    self.assertEqual((len(seen[0]), seen[1]), (len(wanted[0]), wanted[1]))
                    self.assertEqual(seen[0], wanted[0])
        each = 6 * COUNT
        for reason, side in (("client_close", "client"), ("handler_close", "handler"),
                             ("client_reset", "client"), ("handler_reset", "handler")):
            self.wait_closed(reason, each)
        if self.isolated:
            street.wait_until(lambda: not kernel.waiting_to_be_closed(), "no socket is left in CLOSE_WAIT", patience=5)
        print(f"{len(kinds)} kinds, {COUNT} of each", file=sys.stderr)


if __name__ == "__main__":
    street.main()
