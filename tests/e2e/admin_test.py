"""The admin port: metrics, health, readiness, what is refused, and clients that dawdle."""

import errno
import http.client
import json
import re
import socket

import kernel
import street

SLOW_CLIENTS = 300
ADMIN_CONNECTIONS = 64  # descriptors that they may cost the router, with something to spare
SAMPLE = re.compile(r'(\w+)(\{(\w+="(\\.|[^"\\])*",?)+\})? (\S+)')
PATHS = ("/", "/metrics", "/healthz", "/readyz", "/api/status")


class Admin(street.Case):
    def open_street(self):
        self.port = street.free_port()
        self.portier = self.street({"echo": street.handler("echo")}, {f"{self.port}/tcp": "echo"})

    def raw(self, request):
        """Everything that comes back for these bytes. Fails when the server closes while we are still talking."""
        with self.client(self.portier.admin_port) as client:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: client.recv(65536), b""))


class Pages(Admin):
    def test_metrics_are_text_0_0_4_that_parses(self):
        self.open_street()
        status, headers, body = self.portier.get("/metrics")
        self.assertEqual((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        self.assertTrue(body.endswith("\n"))
        types = {}
        seen = set()
        for line in body.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.assertNotIn(name, types, "the samples of a family stand together")
                types[name] = kind
            elif not line.startswith("# HELP "):
                match = SAMPLE.fullmatch(line)
                self.assertTrue(match, line)
                float(match[5])
                self.assertIn(re.sub(r"_(bucket|sum|count)$", "", match[1]) if match[1] not in types else match[1], types)
                self.assertNotIn(line.rsplit(" ", 1)[0], seen, "twice the same series")
                seen.add(line.rsplit(" ", 1)[0])
        described = json.loads(self.portier.command("metrics", "--describe", "-o", "json").stdout)
        types_described = {metric["name"]: metric["type"] for metric in described}
        self.assertEqual({**types_described, **types}, types_described)
        self.assertIn("portier_connections_accepted_total", types)

    def test_health_and_readiness(self):
        self.open_street()
        self.assertEqual(self.portier.get("/healthz")[::2], (200, "ok\n"))
        self.assertEqual(self.portier.get("/readyz")[::2], (200, "ready\n"))

    def test_not_ready_says_who(self):
        handlers = {"echo": street.handler("echo"), "sleeper": {"command": ["/bin/sleep", "1000"], "ready": "notify"}}
        ports = {f"{street.free_port()}/tcp": "echo", f"{street.free_port()}/tcp": "sleeper"}
        self.portier = self.street(handlers, ports, start=False).start(ready=False)

        def answers():
            try:
                status, _, body = self.portier.get("/readyz")
            except OSError:
                return None  # not open yet
            return (status, body) if "echo" not in body else None
        self.assertEqual(street.wait_until(answers, "echo is ready"),
                         (503, "handler sleeper has no ready process\n"))
        self.assertEqual(self.portier.get("/healthz")[0], 200)

    def test_api_status_is_json_and_the_page_is_html(self):
        self.open_street()
        status, headers, body = self.portier.get("/api/status")
        self.assertEqual((status, headers["Content-Type"]), (200, "application/json"))
        self.assertEqual(json.loads(body)["ports"][0]["port"], f"{self.port}/tcp")
        status, headers, body = self.portier.get("/")
        self.assertEqual((status, headers["Content-Type"]), (200, "text/html; charset=utf-8"))
        self.assertIn(f"{self.port}/tcp", body)

    def test_what_is_not_there_and_not_allowed(self):
        self.open_street()
        for path in ("/nowhere", "/metrics/", "//", "/../etc/passwd", "/" + "x" * 4000):
            self.assertEqual(self.portier.get(path)[0], 404, path)
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            status, headers, _ = self.portier.get("/metrics", method)
            self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD"), method)
        self.assertEqual(self.portier.get("/healthz?verbose=1")[0], 200)

    def test_head_is_get_without_the_body(self):
        self.open_street()
        for path in (*PATHS, "/nowhere"):
            status, headers, body = self.portier.get(path, "HEAD")
            self.assertEqual((status, body), (404 if path == "/nowhere" else 200, ""), path)
            self.assertGreater(int(headers["Content-Length"]), 0)
            self.assertEqual(headers["Content-Type"], self.portier.get(path)[1]["Content-Type"])
        head = self.raw(b"HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.assertTrue(head.endswith(b"\r\n\r\n"), head)

    def test_many_requests_on_one_connection(self):
        self.open_street()
        connection = http.client.HTTPConnection("127.0.0.1", self.portier.admin_port, timeout=street.PATIENCE)
        self.addCleanup(connection.close)
        for _ in range(100):
            connection.request("GET", "/healthz")
            self.assertEqual(connection.getresponse().read(), b"ok\n")

    def test_what_is_not_http_ends_that_connection_only(self):
        self.open_street()
        router = self.portier.router_pid()
        for bytes_ in (b"order dosa\r\n\r\n", b"\0" * 1000, b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", b""):
            try:
                self.assertNotIn(b" 200 ", self.raw(bytes_))
            except OSError as error:
                self.assertIn(error.errno, (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN))
        self.assertEqual(self.portier.get("/healthz")[0], 200)
        self.assertEqual(self.portier.router_pid(), router)


class SlowClients(Admin):
    def test_many_slow_clients_are_bounded_and_harmless(self):
        self.open_street()
        router = self.portier.router_pid()
        before = len(kernel.descriptors(router))
        slow = [self.client(self.portier.admin_port) for _ in range(SLOW_CLIENTS)]
        for number, client in enumerate(slow):
            try:
                client.sendall((b"", b"GET /met", b"GET /metrics HTTP/1.1\r\nHost:")[number % 3])
            except ConnectionError:
                pass  # one too many
        for _ in range(20):  # the houses notice nothing
            with street.connect(self.port) as guest:
                self.assertTrue(street.ask(guest))
        self.assertLessEqual(len(kernel.descriptors(router)), before + ADMIN_CONNECTIONS)
        # They are still there, and yet who asks properly is answered.
        self.assertGreater(self.portier.metrics().of("portier_connections_accepted_total", port=f"{self.port}/tcp"), 19)
        self.assertEqual(self.portier.router_pid(), router)

    def test_who_does_not_fetch_the_answer_holds_up_nobody(self):
        self.open_street()
        for _ in range(8):
            client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.addCleanup(client.close)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", self.portier.admin_port))
            client.setblocking(False)
            try:
                while True:
                    client.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            except BlockingIOError:
                pass
        self.assertEqual(self.portier.get("/healthz")[0], 200)
        with street.connect(self.port) as guest:
            self.assertTrue(street.ask(guest))


if __name__ == "__main__":
    street.main()
