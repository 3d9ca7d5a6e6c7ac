"""push: WebSocket clients hear what an HTTP POST publishes, by handoff and by inherit."""

import http.client
import unittest

from clients import WebSocket, everything, tcp
from fake_router import PATIENCE, Handoff, until
from sample_case import BOTH, SampleCase


class PushTest(SampleCase):
    def each_push(self):
        for kind in BOTH:
            with self.subTest(delivery=kind.__name__):
                yield self.start(kind, "push")

    def subscriber(self, push, topic, **options):
        return self.closing(WebSocket(push.port, f"/topic/{topic}", **options))

    def browser(self, push):
        return self.closing(http.client.HTTPConnection("127.0.0.1", push.port, timeout=PATIENCE))

    def request(self, browser, method, path, body=None):
        browser.request(method, path, body)
        answer = browser.getresponse()
        return answer.status, answer.read().decode()

    def publish(self, browser, topic, text):
        status, answer = self.request(browser, "POST", f"/topic/{topic}", text)
        self.assertEqual(status, 200, answer)
        return int(answer.removeprefix("delivered to "))

    def subscribed(self, browser, topic, count):
        """The answer to the upgrade comes before the subscription counts: waits until it does."""
        until(lambda: self.publish(browser, topic, "?") == count, f"{count} subscribers")

    def test_a_publication_reaches_all_subscribers_of_the_topic(self):
        for push in self.each_push():
            browser = self.browser(push)
            cabs = [self.subscriber(push, "cab") for _ in range(50)]
            bus = self.subscriber(push, "bus")
            self.subscribed(browser, "cab", 50)
            for text in "the cab has arrived", "\u0928\u092e\u0938\u094d\u0924\u0947 \\o/\r\n", "x" * 60000:
                self.assertEqual(self.publish(browser, "cab", text.encode()), 50)
                for cab in cabs:
                    while (heard := cab.hear()) == "?":
                        pass
                    self.assertTrue(heard == text, f"{heard[:40]!r} instead of {text[:40]!r}")
            self.subscribed(browser, "bus", 1)
            self.assertEqual(bus.hear(), "?")
            self.assertEqual(self.publish(browser, "nobody", "?"), 0)

    def test_pages_and_refusals(self):
        for push in self.each_push():
            browser = self.browser(push)
            status, page = self.request(browser, "GET", "/")
            self.assertEqual(status, 200)
            self.assertIn("<title>push</title>", page)
            self.assertIn("Open a topic first", page)
            self.assertIn("then(tell, tell)", page, "the answer to Publish is shown")
            self.assertEqual(self.request(browser, "HEAD", "/"), (200, ""))
            self.assertEqual(self.request(browser, "GET", "/nowhere")[0], 404)
            self.assertEqual(self.request(browser, "POST", "/", "x")[0], 405)
            self.assertEqual(self.request(browser, "GET", "/topic/cab")[0], 426)
            self.assertEqual(self.request(browser, "DELETE", "/topic/cab")[0], 405)
            self.assertEqual(self.request(browser, "POST", "/topic/", "x")[0], 404)
            self.assertEqual(self.request(browser, "POST", "/topic/a/b", "x")[0], 404)
            self.assertEqual(self.request(browser, "POST", "/topic/" + "x" * 65, "x")[0], 404)
            self.assertEqual(self.request(browser, "POST", "/topic/cab", b"\xff")[0], 400)
            self.assertEqual(self.request(self.browser(push), "POST", "/topic/cab", "x" * 65537)[0], 413)

    def test_what_is_not_http_is_refused(self):
        for push in self.each_push():
            client = self.closing(tcp(push.port))
            client.sendall(b"order dosa\r\n\r\n")
            self.assertIn(b"400 Bad Request", everything(client))

    def test_ping_and_goodbye(self):
        for push in self.each_push():
            browser = self.browser(push)
            cab = self.subscriber(push, "cab")
            self.subscribed(browser, "cab", 1)
            cab.send(9, b"are you there")
            while (frame := cab.receive()) == (1, b"?"):
                pass
            self.assertEqual(frame, (10, b"are you there"))
            cab.send(8, b"\x03\xe8")
            self.assertEqual(cab.receive(), (8, b"\x03\xe8"))
            until(lambda: self.publish(browser, "cab", "?") == 0, "the subscriber to be gone")

    def test_a_slow_reader_is_shown_out_and_holds_up_nobody(self):
        for push in self.each_push():
            browser = self.browser(push)
            slow = self.subscriber(push, "cab", receive_buffer=4096)
            cab = self.subscriber(push, "cab")
            self.subscribed(browser, "cab", 2)
            text = "x" * 60000
            for _ in range(10_000):  # his kernel buffers and his queue are bounded
                count = self.publish(browser, "cab", text)
                while cab.hear() != text:
                    pass
                if count == 1:
                    break
            self.assertEqual(count, 1)
            while (frame := slow.receive())[0] == 1:
                pass
            self.assertEqual(frame, (8, b"\x03\xf0you read too slowly"))

    def test_drain(self):
        push = self.start(Handoff, "push")
        browser = self.browser(push)
        cab = self.subscriber(push, "cab")
        self.subscribed(browser, "cab", 1)
        push.drain()
        until(lambda: push.said("STOPPING=1"), "STOPPING=1")
        self.assertEqual(self.publish(browser, "cab", "last"), 1)
        while cab.hear() != "last":
            pass
        cab.close()
        browser.close()
        self.assert_ends_well(push)

    def test_sigterm(self):
        for push in self.each_push():
            browser = self.browser(push)
            cab = self.subscriber(push, "cab")
            self.subscribed(browser, "cab", 1)
            push.terminate()
            while (frame := cab.receive()) == (1, b"?"):
                pass
            self.assertEqual(frame, (8, b"\x03\xe9the house closes"))
            cab.send(8, b"\x03\xe9")
            self.assertEqual(everything(cab.socket), b"")
            cab.close()
            self.assert_ends_well(push)

    def test_guests_are_bounded_by_the_descriptor_limit(self):
        push = self.start(Handoff, "push", limit=80)
        clients = [self.closing(tcp(push.port)) for _ in range(150)]
        until(lambda: push.credit == 0, "the window to close")
        for client in clients:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            self.assertIn(b"200 OK", everything(client))
            client.close()


if __name__ == "__main__":
    unittest.main()
