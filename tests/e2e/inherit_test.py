"""Delivery inherit: the sockets exactly as systemd passes them, and the same ones again for the next process."""

import json
import os
import signal
import socket

import kernel
import street

AT_ONCE = {"first": "1ms", "max": "1ms"}


class Inherit(street.Case):
    def audits(self, name, count):
        """Waits for the reports of `count` processes."""
        path = self.folder / name

        def read():
            lines = path.read_text().splitlines(keepends=True) if path.exists() else []
            return lines if len(lines) >= count and lines[-1].endswith("\n") else None
        return [json.loads(line) for line in street.wait_until(read, f"{count} audits of {name}")]

    def audit(self, name, **keys):
        return street.script("audit.py", str(self.folder / name), "stay", delivery="inherit", restart=AT_ONCE, **keys)

    def kill(self, name, slot):
        """Kills a process and waits for the next one in its slot."""
        pid = self.portier.pids(name)[slot]
        os.kill(pid, signal.SIGKILL)
        street.wait_until(lambda: self.portier.pids(name).get(slot) not in (None, pid), "another process")

    def free_range(self, count):
        """The first of `count` free ports in a row."""
        run = [street.free_port()]
        while len(run) < count:
            number = street.free_port()
            run = [*run, number] if number == run[-1] + 1 else [number]
        return run[0]


class Environment(Inherit):
    def test_listen_variables(self):
        """One socket for each number, in the order of the configuration, with the names that systemd would give."""
        plain, v4, v6 = (street.free_port() for _ in range(3))
        udp = street.free_port(socket.SOCK_DGRAM)
        first = self.free_range(3)
        keys = [f"{plain}/tcp", f"127.0.0.1:{v4}/tcp", f"[::1]:{v6}/tcp", f"{first}-{first + 2}/tcp", f"{udp}/udp"]
        self.portier = self.street({"audit": self.audit("report", processes=2)}, {key: "audit" for key in keys})
        names = [keys[0], f"127.0.0.1_{v4}/tcp", f"[__1]_{v6}/tcp", *[keys[3]] * 3, keys[4]]
        numbers = [plain, v4, v6, first, first + 1, first + 2, udp]
        families = ["AF_INET6", "AF_INET", "AF_INET6", *["AF_INET6"] * 4]  # without an address: both families
        for report in self.audits("report", 2):
            environment = report["environment"]
            self.assertEqual(environment["LISTEN_FDS"], str(len(names)))
            self.assertEqual(environment["LISTEN_PID"], str(report["pid"]))
            self.assertEqual(environment["LISTEN_FDNAMES"], ":".join(names))
            self.assertNotIn("PORTIER_FD", environment)
            sockets = [report["descriptors"][str(3 + number)] for number in range(len(names))]
            self.assertEqual(len(report["descriptors"]), 3 + len(names))
            self.assertEqual([facts["address"][1] for facts in sockets], numbers)
            self.assertEqual([facts["family"] for facts in sockets], families)
            self.assertEqual([facts["type"] for facts in sockets], ["SOCK_STREAM"] * 6 + ["SOCK_DGRAM"])

    def test_a_later_process_gets_the_same_sockets(self):
        tcp, udp = street.free_port(), street.free_port(socket.SOCK_DGRAM)
        self.portier = self.street({"audit": self.audit("report", processes=2)},
                                   {f"{tcp}/tcp": "audit", f"{udp}/udp": "audit"})
        first = {report["environment"]["PORTIER_PROCESS"]: report for report in self.audits("report", 2)}
        self.kill("audit", 1)
        again = self.audits("report", 3)[-1]
        self.assertEqual(again["environment"]["PORTIER_PROCESS"], "1")
        self.assertEqual(again["environment"]["LISTEN_PID"], str(again["pid"]))
        self.assertNotEqual(again["pid"], first["1"]["pid"])

        def inodes(report):
            return [report["descriptors"][number]["inode"] for number in ("3", "4")]
        self.assertEqual(inodes(again), inodes(first["1"]))
        self.assertEqual(inodes(first["0"])[0], inodes(first["1"])[0], "one listener for all")
        self.assertNotEqual(inodes(first["0"])[1], inodes(first["1"])[1], "a UDP socket for each")
        self.assertEqual(kernel.listener_inodes(tcp), [inodes(again)[0]])
        self.assertEqual(kernel.udp_inodes(udp), sorted([inodes(first["0"])[1], inodes(again)[1]]))

    def test_wait_in_the_queue_while_no_process_is_there(self):
        port = street.free_port()
        self.portier = self.street(
            {"echo": street.handler("echo", delivery="inherit", restart={"first": "300ms", "max": "1s"})},
            {f"{port}/tcp": "echo"})
        os.kill(self.portier.pids("echo")[0], signal.SIGKILL)
        self.assertTrue(street.ask(self.client(port)))
        self.assertEqual(self.portier.metric("portier_handler_restarts_total", handler="echo", reason="signal"), 1)


class Addresses(Inherit):
    def test_ipv6_and_wildcard(self):
        """A port without an address is both families', and the answer comes from the address that was asked."""
        for delivery in ("inherit", "handoff"):
            with self.subTest(delivery):
                wildcard, v4, v6 = (street.free_port() for _ in range(3))
                self.portier = self.street({"echo": street.handler("echo", delivery=delivery)},
                                           {f"{wildcard}/tcp": "echo", f"0.0.0.0:{v4}/tcp": "echo",
                                            f"[::]:{v6}/tcp": "echo"})
                for host in ("127.0.0.1", "127.9.9.9", "::1"):
                    self.assertTrue(street.ask(self.client(wildcard, host=host)))
                self.assertTrue(street.ask(self.client(v4, host="127.0.0.5")))
                self.assertTrue(street.ask(self.client(v6, host="::1")))
                self.assertRaises(ConnectionRefusedError, street.connect, v4, host="::1")
                self.assertRaises(ConnectionRefusedError, street.connect, v6)
                self.portier.wait_metric(3, "portier_connections_active", port=f"{wildcard}/tcp")
                self.portier.wait_metric(1, "portier_connections_active", port=f"0.0.0.0:{v4}/tcp")
                self.portier.wait_metric(1, "portier_connections_active", port=f"[::]:{v6}/tcp")
                self.close_clients()

    def close_clients(self):
        """So that nobody has to wait for them at the end of the street."""
        for client in self.clients:
            client.close()
        for port in self.portier.config["ports"]:
            self.portier.wait_metric(0, "portier_connections_active", port=port)

    def setUp(self):
        super().setUp()
        self.clients = []

    def client(self, port, source=None, host="127.0.0.1"):
        self.clients.append(super().client(port, source, host))
        return self.clients[-1]

    def test_a_range(self):
        for delivery in ("inherit", "handoff"):
            with self.subTest(delivery):
                first = self.free_range(10)
                key = f"{first}-{first + 9}/tcp"
                self.portier = self.street({"echo": street.handler("echo", delivery=delivery)}, {key: "echo"})
                for port in range(first, first + 10):
                    self.assertTrue(street.ask(self.client(port)))
                self.portier.wait_metric(10, "portier_connections_active", port=key)
                self.close_clients()


class Datagrams(Inherit):
    def udp_client(self, port, host="127.0.0.1"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        client = socket.socket(family, socket.SOCK_DGRAM)
        self.addCleanup(client.close)
        client.settimeout(street.PATIENCE)
        client.connect((host, port))
        return client

    def ask(self, client, text=b"hello"):
        """The slot and process id that answered."""
        client.send(text)
        slot, pid, back = client.recv(1000).split(b" ", 2)
        self.assertEqual(back, text)
        return int(slot), int(pid)

    def test_flows_stay_with_their_slot_over_a_restart(self):
        """Each process has a socket of its own, which the next one in its slot gets again."""
        port = street.free_port(socket.SOCK_DGRAM)
        self.portier = self.street(
            {"cook": street.script("datagrams.py", delivery="inherit", processes=3, restart=AT_ONCE)},
            {f"{port}/udp": "cook"})
        inodes = kernel.udp_inodes(port)
        self.assertEqual(len(set(inodes)), 3)
        clients = [self.udp_client(port) for _ in range(60)]
        before = [self.ask(client) for client in clients]
        self.assertEqual({slot for slot, _ in before}, {0, 1, 2})
        for slot in (0, 2):
            self.kill("cook", slot)
        after = [self.ask(client) for client in clients]
        self.assertEqual([slot for slot, _ in after], [slot for slot, _ in before])
        for (slot, old), (_, new) in zip(before, after):
            (self.assertEqual if slot == 1 else self.assertNotEqual)(old, new)
        self.assertEqual(kernel.udp_inodes(port), inodes)

    def test_datagrams_wait_for_the_next_process(self):
        port = street.free_port(socket.SOCK_DGRAM)
        flag = self.folder / "flag"
        self.portier = self.street(
            {"cook": street.script("datagrams.py", str(flag), delivery="inherit", restart=AT_ONCE)},
            {f"127.0.0.1:{port}/udp": "cook"})
        client = self.udp_client(port)
        _, pid = self.ask(client)
        flag.touch()
        self.kill("cook", 0)
        for number in range(50):
            client.send(b"%d" % number)
        flag.unlink()
        for number in range(50):
            slot, answered, back = client.recv(1000).split(b" ", 2)
            self.assertEqual(back, b"%d" % number)
            self.assertNotEqual(int(answered), pid)

    def test_both_families(self):
        port = street.free_port(socket.SOCK_DGRAM)
        self.portier = self.street({"cook": street.script("datagrams.py", delivery="inherit")}, {f"{port}/udp": "cook"})
        for host in ("127.0.0.1", "::1"):
            self.assertEqual(self.ask(self.udp_client(port, host))[0], 0)

    def test_a_reload_keeps_the_sockets_and_loses_nothing(self):
        """Under load, with a handler that is replaced: the old process stops reading, the new one goes on."""
        port = street.free_port(socket.SOCK_DGRAM)
        self.portier = self.street({"echo": street.handler("echo", delivery="inherit", processes=2)},
                                   {f"127.0.0.1:{port}/udp": "echo"})
        inodes = kernel.udp_inodes(port)
        load = self.guests("udp", port, "--flows", 64)
        for number in range(5):
            pids = self.portier.pids("echo")
            self.portier.config["handlers"]["echo"]["env"] = {"NUMBER": str(number)}
            self.portier.write()
            self.assertEqual(self.portier.command("reload").returncode, 0)
            street.wait_until(lambda: not any(map(kernel.is_running, pids.values())), "the old processes have ended")
            self.assertEqual(kernel.udp_inodes(port), inodes)
        report = load.finish()
        self.assert_no_failures(report)
        self.assertEqual(self.portier.metric("portier_datagrams_dropped_total", port=f"127.0.0.1:{port}/udp",
                                             reason="queue_full"), 0)


if __name__ == "__main__":
    street.main()
