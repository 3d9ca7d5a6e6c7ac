"""The names that relays connect to: looked up at the start and by each reload, refused with their place when they have
no address, and never in the way of what is in force."""
import contextlib
import socket
import subprocess
import threading

import street

NOBODY = "no-such-name.invalid"  # RFC 2606: never has an address


class Names(street.Case):
    def echo(self):
        """The port of a server of ours on the loopback that gives back what it gets, whoever connects."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    client = listener.accept()[0]
                    with client:
                        client.sendall(client.recv(100))
        threading.Thread(target=serve, daemon=True).start()
        self.addCleanup(listener.shutdown, socket.SHUT_RDWR)
        return listener.getsockname()[1]

    def relay(self, *addresses):
        return {"delivery": "relay", "connect": list(addresses)}

    def place_of(self, portier, text):
        """As diagnostics have it: the file, and the line of this text in it."""
        lines = portier.file.read_text().splitlines()
        number = next(i for i, line in enumerate(lines, 1) if text in line)
        return f"{portier.file}:{number}:"

    def test_a_name_is_as_good_as_an_address(self):
        port = street.free_port()
        portier = self.street({"store": self.relay(f"localhost:{self.echo()}")}, {f"127.0.0.1:{port}/tcp": "store"})
        self.assertTrue(street.ask(self.client(port)))
        done = portier.command("reload")
        self.assertEqual((done.returncode, done.stdout), (0, "nothing changed, generation 1\n"), done)
        self.assertTrue(street.ask(self.client(port)))

    def test_without_an_address_nothing_starts(self):
        port = street.free_port()
        portier = self.street({"store": self.relay("127.0.0.1:1", f"{NOBODY}:80")}, {f"127.0.0.1:{port}/tcp": "store"},
                              start=False)
        portier.write()
        done = subprocess.run([str(street.PORTIER), "run", str(portier.file), "--socket", str(portier.socket)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=street.PATIENCE,
                              check=False)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn(self.place_of(portier, NOBODY), done.stderr)
        self.assertIn(f"the name {NOBODY} has no address", done.stderr)

    def test_a_reload_without_an_address_changes_nothing(self):
        port, other = street.free_port(), street.free_port()
        portier = self.street({"veg": street.handler("echo")}, {f"127.0.0.1:{port}/tcp": "veg"})
        client = self.client(port)
        portier.config["handlers"]["store"] = self.relay(f"{NOBODY}:80")
        portier.config["ports"][f"127.0.0.1:{other}/tcp"] = "store"
        portier.write()
        done = portier.command("reload")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn(self.place_of(portier, NOBODY), done.stderr)
        self.assertIn(f"the name {NOBODY} has no address", done.stderr)
        self.assertEqual(portier.metric("portier_config_last_reload_successful"), 0)
        self.assertTrue(street.ask(client))
        with self.assertRaises(ConnectionRefusedError):
            street.connect(other)
        portier.config["handlers"]["store"] = self.relay(f"localhost:{self.echo()}")
        portier.write()
        self.assertEqual(portier.command("reload").returncode, 0)
        self.assertTrue(street.ask(self.client(other)))


if __name__ == "__main__":
    street.main()
