"""Dialect node: unmodified scripts of the real Node.js get their connections as messages."""

import json
import select
import shutil

import dialects
import kernel
import street

NODE = shutil.which("node", path="/usr/bin:/usr/local/bin")


class Node(dialects.Dialect):
    half_a_request, other_half = b"", b"who\n"

    def pool(self, mode="serve", **keys):
        self.flag = self.folder / "flag"
        return {"dialect": "node", "command": [NODE, str(street.HERE / "handlers" / "echo.js"), mode, str(self.flag)],
                "processes": 2, **keys}

    def facts(self, client):
        answer = b""
        while not answer.endswith(b"\n"):
            answer += street.exactly(client, 1)
        return json.loads(answer)

    def answer(self, client):
        return self.facts(client)["pid"]


class Contract(Node):
    def test_every_process_serves(self):
        self.check_every_process_serves()

    def test_what_a_dead_process_had_not_taken(self):
        self.check_what_a_dead_process_had_not_taken()

    def test_the_channel_outlives_the_router(self):
        self.check_the_channel_outlives_the_router()

    def test_router_killed_under_load(self):
        self.check_router_killed_under_load()
        self.assertNotIn("wrong message", self.portier.log())

    def test_reload_replaces_the_processes(self):
        self.check_reload_replaces_the_processes()

    def test_counters(self):
        self.check_counters()


class Addresses(Node):
    def test_both_ends_are_told(self):
        """The message has what the socket says itself, and IPv4 clients of a wildcard port as IPv4."""
        self.open_street()
        for host in "127.0.0.1", "127.9.9.9", "::1":
            client = self.client(self.port, host=host)
            self.ask(client)
            facts = self.facts(client)
            address, port = client.getsockname()[:2]
            self.assertEqual(facts["m"], {"handler": "pool", "localAddress": host, "localPort": self.port,
                                          "remoteAddress": address, "remotePort": port})
            self.assertEqual((facts["remotePort"], facts["localPort"]), (port, self.port))
            self.assertTrue(facts["remoteAddress"].endswith(address))

    def test_many_at_once_get_the_right_message(self):
        """Several connections are under way at a time; none is taken for another one."""
        self.open_street(balance="source-hash")
        load = self.guests("crr", self.port, "--concurrency", 64)
        street.wait_until(lambda: self.accepted() > 3000, "many connections")
        self.assert_no_failures(load.finish())
        self.assertNotIn("wrong message", self.portier.log())


class Scripts(Node):
    """Scripts that do more with their channel than to listen."""

    def test_who_does_not_speak_json_is_replaced(self):
        self.open_street("garbage", processes=1)
        pid = self.pids()[0]
        self.flag.touch()
        client = self.client(self.port)
        self.assertEqual(self.who(client), pid)
        self.flag.unlink()
        street.wait_until(lambda: self.pids().get(0, pid) != pid, "another process")
        self.portier.wait_metric(1, "portier_handler_restarts_total", handler="pool", reason="failed")
        self.assertNotEqual(self.who(self.client(self.port)), pid)

    def test_who_disconnects_is_replaced(self):
        self.open_street("disconnect", processes=1)
        pid = self.pids()[0]
        self.flag.touch()
        client = self.client(self.port)
        self.assertEqual(self.who(client), pid)
        self.flag.unlink()
        self.assertNotEqual(self.who(self.client(self.port)), pid)

    def test_messages_of_scripts_are_their_own_business(self):
        self.open_street("chatty", processes=1)
        pid = self.pids()[0]
        self.flag.touch()
        for _ in range(50):
            self.assertEqual(self.who(self.client(self.port)), pid)

    def test_a_script_without_descriptors(self):
        """What it cannot take waits or goes elsewhere, until somebody leaves."""
        self.open_street(processes=1)
        with street.connect(self.port) as client:
            self.who(client)  # before, the script may not have opened all that it needs itself
            used = len(kernel.descriptors(self.pids()[0])) - 1
        room = 10
        self.portier.config["handlers"]["pool"]["limits"] = {"open_files": used + room}
        self.portier.write()
        self.assertEqual(self.portier.command("reload").returncode, 0)
        clients = [self.client(self.port) for _ in range(3 * room)]
        for client in clients:
            self.ask(client)
        served = []
        while clients:  # whoever is served goes and makes room
            for client in select.select(clients, [], [], street.PATIENCE)[0] or self.fail("nobody is served"):
                served.append(self.answer(client))
                client.close()
                clients.remove(client)
        self.assertEqual(set(served), set(self.pids().values()))
        self.wait_all_closed()


if __name__ == "__main__":
    street.main()
