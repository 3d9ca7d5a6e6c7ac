"""The shipped street, config/houses.yaml, as run.sh opens it: every house, by TCP and UDP, and the admin page. Only the
port numbers differ. And kitchen.py, the handoff contract in Python, behind the real portier.
"""

import http.client
import re
import socket
import sys

import street

ROOT = street.HERE.parents[1]
sys.path.append(str(street.HERE.parent / "handlers"))
from clients import Lines, WebSocket  # noqa: E402

SHIPPED = (ROOT / "config" / "houses.yaml").read_text()
PORTS = sorted(set(re.findall(r"\b70\d\d\b", SHIPPED)))
PROCESSES = {"veg": 2, "non-veg": 2, "veg-datagrams": 1, "non-veg-datagrams": 1, "chat": 1, "push": 1}
VEG_MENU = "today in the veg kitchen: dosa idli paneer samosa thali"
NON_VEG_MENU = "today in the non-veg kitchen: biryani fish-curry keema kebab omelette"


class Houses(street.Street):
    """Like the clone of a newcomer: config/houses.yaml beside build/."""

    def __init__(self, folder):
        super().__init__(folder, {name: {"processes": count} for name, count in PROCESSES.items()}, {})
        self.numbers = dict(zip(PORTS, self.free_numbers()))
        self.admin_port = self.numbers["7000"]
        (self.folder / "config").mkdir()
        (self.folder / "build").symlink_to(street.BUILD)
        self.file = self.folder / "config" / "houses.yaml"

    def free_numbers(self):
        """Free for TCP and for UDP, all different."""
        found = set()
        while len(found) < len(PORTS):
            number = street.free_port()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                try:
                    probe.bind(("127.0.0.1", number))
                except OSError:
                    continue
            found.add(number)
        return found

    def write(self, text=None):
        super().write(re.sub(r"\b70\d\d\b", lambda match: str(self.numbers[match[0]]), text or SHIPPED))


class HousesTest(street.Case):
    def setUp(self):
        super().setUp()
        self.houses = Houses(self.folder)
        self.addCleanup(self.end_street, self.houses)
        self.houses.start()

    def guest(self, port):
        guest = Lines(self.houses.numbers[port])
        self.addCleanup(guest.close)
        return guest

    def by_datagram(self, port, request):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(street.PATIENCE)
            client.connect(("127.0.0.1", self.houses.numbers[port]))
            client.send(request)
            return client.recv(65536).decode().rstrip("\n")

    def test_every_house_serves_its_own_dishes_and_politely_refuses_the_others(self):
        cases = (("7001", b"order dosa", "here is your dosa"),
                 ("7001", b"order biryani", "sorry, this is the veg kitchen: for biryani please go to the non-veg house"),
                 ("7001", b"menu", VEG_MENU),
                 ("7002", b"order kebab", "here is your kebab"),
                 ("7002", b"order dosa", "sorry, this is the non-veg kitchen: for dosa please go to the veg house"),
                 ("7002", b"menu", NON_VEG_MENU))
        guests = {port: self.guest(port) for port in ("7001", "7002")}
        for port, request, wanted in cases:
            with self.subTest(port=port, request=request):
                self.assertIn(wanted, guests[port].ask(request))
                self.assertIn(wanted, self.by_datagram(port, request))
        for guest in guests.values():
            self.assertEqual(guest.ask(b"bye"), "thank you, come again")
            self.assertEqual(guest.hear(), "")

    def test_both_cooks_of_a_house_get_guests(self):
        guests = [self.guest("7001") for _ in range(8)]
        for guest in guests:
            self.assertEqual(guest.ask(b"menu"), VEG_MENU)
        shares = self.houses.metrics().all("portier_handler_connections_active", handler="veg")
        self.assertEqual(sorted(shares.values()), [4, 4])

    def test_two_people_talk_and_meet_in_rooms(self):
        anna, ben = self.guest("7003"), self.guest("7003")
        for guest, name in ((anna, "anna"), (ben, "ben")):
            guest.say(f"/name {name}".encode())
            guest.hear_until(f"is now {name}")
        anna.say(b"namaste")
        self.assertEqual(ben.hear_until("<anna>"), "<anna> namaste")
        ben.say(b"/join tea")
        anna.hear_until("* ben went to another room")
        ben.hear_until("* ben came into tea")
        anna.say(b"only for the lobby")
        anna.hear_until("<anna> only for the lobby")
        anna.say(b"/join tea")
        self.assertEqual(ben.hear_until("anna"), "* anna came into tea")
        ben.say(b"chai?")
        self.assertEqual(anna.hear_until("<ben>"), "<ben> chai?")

    def publish(self, topic, text):
        browser = http.client.HTTPConnection("127.0.0.1", self.houses.numbers["7004"], timeout=street.PATIENCE)
        self.addCleanup(browser.close)
        browser.request("POST", f"/topic/{topic}", text)
        answer = browser.getresponse()
        return answer.status, answer.read().decode().strip()

    def test_the_cab_has_arrived(self):
        cabs = [WebSocket(self.houses.numbers["7004"], "/topic/cab") for _ in range(2)]
        bus = WebSocket(self.houses.numbers["7004"], "/topic/bus")
        for client in (*cabs, bus):
            self.addCleanup(client.close)
        # The answer to the upgrade comes before the subscription counts.
        for topic, count in (("cab", 2), ("bus", 1)):
            street.wait_until(lambda: self.publish(topic, "?") == (200, f"delivered to {count}"), "all are subscribed")
        self.assertEqual(self.publish("cab", "the cab has arrived"), (200, "delivered to 2"))
        self.publish("bus", "and the bus")
        for client, wanted in ((cabs[0], "the cab has arrived"), (cabs[1], "the cab has arrived"), (bus, "and the bus")):
            heard = iter(client.hear, None)
            self.assertEqual(next(text for text in heard if text != "?"), wanted)

    def test_the_admin_page_shows_the_street(self):
        status, headers, page = self.houses.get("/")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/html; charset=utf-8")
        for name, number in self.houses.numbers.items():
            if name != "7000":
                self.assertIn(f"{number}/tcp", page)
        for handler in PROCESSES:
            self.assertIn(handler, page)
        self.assertIn("href=/metrics", page)

    def test_what_run_sh_prints_names_these_ports(self):
        printed = set(re.findall(r"localhost[: ](\d+)", (ROOT / "run.sh").read_text()))
        self.assertEqual(printed, set(PORTS))


class PythonKitchen(street.Case):
    def test_kitchen_py_serves(self):
        port = street.free_port()
        key = f"{port}/tcp"
        portier = self.street({"veg": street.handler("kitchen.py", "--menu", "veg", processes=2)}, {key: "veg"})
        guests = [Lines(port) for _ in range(20)]
        for guest in guests:
            self.addCleanup(guest.close)
            self.assertEqual(guest.ask(b"order dosa"), "here is your dosa, enjoy")
            self.assertIn("please go to the non-veg house", guest.ask(b"order kebab"))
        self.assertEqual(portier.metric("portier_connections_active", port=key), 20)
        self.assertEqual(sorted(portier.metrics().all("portier_handler_connections_active", handler="veg").values()),
                         [10, 10])
        for guest in guests:
            self.assertEqual(guest.ask(b"bye"), "thank you, come again")
            self.assertEqual(guest.hear(), "")
            guest.close()
        portier.wait_metric(20, "portier_connections_closed_total", port=key, reason="handler_close")


if __name__ == "__main__":
    street.main()
