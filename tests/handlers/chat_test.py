"""chat: rooms, names and one slow reader, by handoff and by inherit."""

import unittest

from clients import Lines
from fake_router import Handoff, until
from sample_case import BOTH, SampleCase

HELP = "* commands: /name NICK /join ROOM /who /bye"


class ChatTest(SampleCase):
    def each_chat(self):
        for kind in BOTH:
            with self.subTest(delivery=kind.__name__):
                yield self.start(kind, "chat")

    def guest(self, chat, name, room=None, **options):
        guest = self.closing(Lines(chat.port, **options))
        guest.say(b"/name " + name.encode())
        guest.hear_until(f"is now {name}")
        if room:
            guest.say(b"/join " + room.encode())
            guest.hear_until(f"came into {room}")
        return guest

    def test_everybody_in_the_room_hears_it_and_nobody_else(self):
        for chat in self.each_chat():
            asha, ben, cleo = (self.guest(chat, name, room) for name, room in
                               (("asha", "tea"), ("ben", "tea"), ("cleo", "coffee")))
            asha.say(b"namaste \\o/ \xe0\xa4\xa8")
            for hears in asha, ben:
                self.assertEqual(hears.hear_until("<asha>"), "<asha> namaste \\o/ \u0928")
            cleo.say(b"anybody?")
            self.assertEqual(cleo.hear(), "<cleo> anybody?")
            ben.say(b"/who")
            self.assertEqual(set(ben.hear_until("* in tea:").split(": ")[1].split()), {"asha", "ben"})

    def test_coming_and_going_is_told(self):
        for chat in self.each_chat():
            asha = self.guest(chat, "asha")
            ben = self.guest(chat, "ben")
            self.assertIn("is now ben", asha.hear_until("is now ben"))
            ben.say(b"/join tea")
            asha.hear_until("* ben went to another room")
            ben.say(b"/join lobby")
            asha.hear_until("* ben came into lobby")
            ben.say(b"/bye")
            asha.hear_until("* ben left")
            ben.hear_until("* goodbye")
            self.assertEqual(ben.hear(), "")
            cleo = self.guest(chat, "cleo")
            cleo.close()
            asha.hear_until("* cleo left")

    def test_bad_names_and_commands_are_refused(self):
        for chat in self.each_chat():
            asha, ben = self.guest(chat, "asha"), self.guest(chat, "ben")
            ben.say(b"/name asha")
            ben.hear_until("* somebody is called asha already")
            for name in b"", b"two words", b"x" * 33, b"\x1b[2J", b"\xff":
                ben.say(b"/name " + name)
                ben.hear_until("* a name is one word")
            for command in b"/", b"/dance", b"/namex y":
                self.assertEqual(ben.ask(command), HELP)
            ben.say(b"\x1b[2J\xff")
            self.assertEqual(asha.hear_until("<ben>"), "<ben> \\x1b[2J\\xff")

    def test_a_name_is_free_again(self):
        for chat in self.each_chat():
            asha = self.guest(chat, "asha")
            ben = self.guest(chat, "ben")
            asha.say(b"/bye")
            ben.hear_until("* asha left")
            self.guest(chat, "asha")

    def test_too_long_a_line_ends_the_visit(self):
        for chat in self.each_chat():
            asha, ben = self.guest(chat, "asha"), self.guest(chat, "ben")
            ben.socket.sendall(b"x" * 2000)
            ben.hear_until("* that line is too long")
            self.assertEqual(ben.hear(), "")
            asha.hear_until("* ben wrote too long a line")

    def test_a_slow_reader_is_shown_out_and_holds_up_nobody(self):
        for chat in self.each_chat():
            asha = self.guest(chat, "asha", "tea")
            ben = self.guest(chat, "ben", "tea")
            slow = self.guest(chat, "slow", "tea", receive_buffer=4096)
            number = 0
            gone = False
            while not gone:  # his kernel buffers and his queue are bounded, so this ends
                asha.say(b"%07d " % number + b"x" * 900)
                wanted = f"{number:07d}"
                for hears in asha, ben:
                    while wanted not in (line := hears.hear()):
                        gone |= "slow read too slowly" in line
                        self.assertNotEqual(line, "", "a good reader was cut off")
                number += 1
                self.assertLess(number, 100_000)
            heard = slow.file.read().decode().splitlines()
            self.assertEqual(heard[-1], "* you read too slowly, goodbye")
            # What he got until then is whole lines, in order.
            said = [line for line in heard if line.startswith("<asha>")]
            numbers = [int(line.split()[1]) for line in said]
            self.assertEqual(numbers, list(range(len(numbers))))
            self.assertTrue(all(len(line) == 7 + 8 + 900 for line in said))

    def test_many_people(self):
        for chat in self.each_chat():
            guests = [self.guest(chat, f"g{i}") for i in range(150)]
            guests[7].say(b"hello all")
            for guest in guests:
                guest.hear_until("<g7> hello all")

    def test_drain_and_sigterm(self):
        chat = self.start(Handoff, "chat")
        asha = self.guest(chat, "asha")
        chat.drain()
        until(lambda: chat.said("STOPPING=1"), "STOPPING=1")
        asha.say(b"still here")
        asha.hear_until("<asha> still here")
        asha.close()
        self.assert_ends_well(chat)
        for chat in self.each_chat():
            asha = self.guest(chat, "asha")
            chat.terminate()
            asha.hear_until("* the chat closes, goodbye")
            self.assertEqual(asha.hear(), "")
            self.assert_ends_well(chat)


if __name__ == "__main__":
    unittest.main()
