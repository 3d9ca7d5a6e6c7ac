"""What a spawned program finds in each style: descriptors, environment, arguments; and where its words go."""

import json
import os

import kernel
import street


class Styles(street.Case):
    def open_street(self, style, descriptor, port=None, address=None, **keys):
        self.port = street.free_port()
        handler = street.script("shows.py", str(descriptor), delivery="spawn", style=style, **keys)
        name = f"[{address}]:{self.port}/tcp" if address else f"{self.port}/tcp"
        self.portier = self.street({"shows": handler}, {name: {"handler": "shows", **(port or {})}})

    def shown(self, source=None, host="127.0.0.1"):
        client = self.client(self.port, source, host)
        lines = client.makefile("rb")
        shown = json.loads(lines.readline())
        self.assertEqual(shown["pid"], shown["group"], "it leads its own process group")
        self.assertTrue(shown["blocking"])
        self.assertNotIn("TCPREMOTEHOST", shown["environment"])
        return client, lines, shown

    def own(self, client):
        host, port = client.getsockname()[:2]
        return host, str(port)

    def test_inetd(self):
        self.open_street("inetd", 0, env={"OWN": "yes"})
        client, lines, shown = self.shown()
        self.assertEqual(shown["descriptors"], {"0": "socket", "1": "socket", "2": "socket"})
        self.assertEqual(lines.readline(), b"a word to the log\n", "in this style stderr is the connection")
        client.sendall(b"echo\n")
        self.assertEqual(lines.readline(), b"echo\n")
        self.assertEqual(shown["environment"]["REMOTE_HOST"], "127.0.0.1")
        self.assertEqual(shown["environment"]["OWN"], "yes")
        self.assertEqual(shown["environment"]["PORTIER_HANDLER"], "shows")
        self.assertLess({"LISTEN_FDS", "PORTIER_FD", "NOTIFY_SOCKET"} & set(shown["environment"]), {"-"})
        self.assertEqual(self.portier.log_lines(message="a word to the log"), [])

    def test_the_first_argument_is_free(self):
        self.port = street.free_port()
        handler = {"delivery": "spawn", "style": "inetd", "program": "/bin/sh",
                   "command": ["call-me-so", "-c", 'echo "$$0 $$1"; tr "\\0" " " < /proc/$$$$/cmdline', "zero", "one"]}
        self.portier = self.street({"shows": handler}, {f"{self.port}/tcp": "shows"})
        text = self.client(self.port).makefile("r").read()
        self.assertIn("zero one\ncall-me-so -c", text)

    def test_ucspi(self):
        self.open_street("ucspi", 0)
        client, lines, shown = self.shown("127.0.0.9")
        self.assertEqual(shown["descriptors"], {"0": "socket", "1": "socket", "2": "pipe"})
        host, port = self.own(client)
        wanted = {"PROTO": "TCP", "TCPLOCALIP": "127.0.0.1", "TCPLOCALPORT": str(self.port), "TCPREMOTEIP": host,
                  "TCPREMOTEPORT": port, "TCPCONNNUM": "1"}
        self.assertEqual({key: shown["environment"].get(key) for key in wanted}, wanted)
        self.assertEqual({key for key in shown["environment"] if key.startswith("TCP")} | {"PROTO"}, set(wanted))
        self.assertEqual(self.shown("127.0.0.9")[2]["environment"]["TCPCONNNUM"], "2", "the second from there")
        self.assertEqual(self.shown("127.0.0.8")[2]["environment"]["TCPCONNNUM"], "1", "the first from elsewhere")
        client.sendall(b"echo\n")
        self.assertEqual(lines.readline(), b"echo\n", "and no word of the log before")
        said = street.wait_until(lambda: self.portier.log_lines(message="a word to the log"), "the log has it")
        self.assertEqual(said[0]["handler"], "shows")

    def test_systemd(self):
        self.open_street("systemd", 3)
        client, lines, shown = self.shown()
        self.assertEqual(shown["descriptors"], {"0": "/dev/null", "1": "pipe", "2": "pipe", "3": "socket"})
        host, port = self.own(client)
        wanted = {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "connection", "LISTEN_PID": str(shown["pid"]),
                  "REMOTE_ADDR": host, "REMOTE_PORT": port}
        self.assertEqual({key: shown["environment"].get(key) for key in wanted}, wanted)
        client.sendall(b"echo\n")
        self.assertEqual(lines.readline(), b"echo\n")
        street.wait_until(lambda: self.portier.log_lines(message="a word to the log"), "the log has it")

    def test_ipv6(self):
        self.open_street("ucspi", 0, address="::1")
        client, _, shown = self.shown(host="::1")
        self.assertEqual(shown["environment"]["TCPREMOTEIP"], "::1")
        self.assertEqual(shown["environment"]["TCPLOCALIP"], "::1")
        self.assertEqual(shown["environment"]["PROTO"], "TCP")

    def test_behind_a_proxy(self):
        """The true addresses are what the program sees, and its first byte is the client's."""
        self.open_street("ucspi", 0, port={"proxy_protocol": {"from": ["127.0.0.1"]}})
        client = self.client(self.port)
        client.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\necho\n")
        lines = client.makefile("rb")
        environment = json.loads(lines.readline())["environment"]
        wanted = {"TCPREMOTEIP": "192.0.2.7", "TCPREMOTEPORT": "4711", "TCPLOCALIP": "192.0.2.1", "TCPLOCALPORT": "443",
                  "TCPCONNNUM": "1"}
        self.assertEqual({key: environment[key] for key in wanted}, wanted)
        self.assertEqual(lines.readline(), b"echo\n")

    def test_surroundings(self):
        user = {"user": "nobody"} if os.geteuid() == 0 else {}
        self.open_street("inetd", 0, working_directory="/", limits={"open_files": 77}, **user)
        _, _, shown = self.shown()
        self.assertEqual(shown["folder"], "/")
        limits = kernel.read(shown["pid"], "limits")
        self.assertRegex(limits, r"Max open files +77 +77 ")
        if os.geteuid() == 0:
            self.assertEqual(shown["environment"]["USER"], "nobody")
            self.assertEqual(os.stat(f"/proc/{shown['pid']}").st_uid, 65534)


if __name__ == "__main__":
    street.main()
