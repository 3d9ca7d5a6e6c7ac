"""Which process gets a connection: in turn, the one with the fewest, or always the same for the same client."""

import os
import signal

import street

PROCESSES = 3


class Balance(street.Case):
    def open_street(self, rule):
        self.port = street.free_port()
        self.key = f"{self.port}/tcp"
        self.portier = self.street({"echo": street.handler("echo", processes=PROCESSES, balance=rule)},
                                   {self.key: "echo"})

    def shares(self):
        """Connections of each process, by slot."""
        samples = self.portier.metrics().all("portier_handler_connections_active", handler="echo")
        return {int(dict(labels)["process"]): int(count) for labels, count in samples.items()}

    def come(self, source=None):
        """A served connection and the process that has it."""
        before = self.shares()
        client = self.client(self.port, source)
        self.assertTrue(street.ask(client))
        after = self.shares()
        (slot,) = (slot for slot in after if after[slot] != before[slot])
        self.assertEqual(after[slot], before[slot] + 1)
        return client, slot

    def leave(self, client, slot):
        wanted = self.shares()
        wanted[slot] -= 1
        client.close()
        street.wait_until(lambda: self.shares() == wanted, "its end is counted for its process")

    def kill_process(self, slot):
        """Kills it and waits until its successor gets connections."""
        dead = self.portier.pids("echo")[slot]
        os.kill(dead, signal.SIGKILL)
        street.wait_until(lambda: self.portier.pids("echo").get(slot, dead) != dead, "another process is there")

    def assert_status_agrees(self):
        told = {process["process"]: process["connections"] for process in self.portier.processes("echo")}
        self.assertEqual(told, self.shares())


class RoundRobin(Balance):
    def test_in_turn(self):
        self.open_street("round-robin")
        self.assertEqual(self.shares(), dict.fromkeys(range(PROCESSES), 0))
        came = [self.come() for _ in range(4 * PROCESSES)]
        turn = [slot for _, slot in came]
        self.assertEqual(sorted(turn[:PROCESSES]), list(range(PROCESSES)))
        self.assertEqual(turn, turn[:PROCESSES] * 4)
        # Whoever leaves: it goes on in turn.
        for client, slot in came[::PROCESSES]:
            self.leave(client, slot)
        self.assertEqual([self.come()[1] for _ in range(PROCESSES)], turn[:PROCESSES])
        self.assert_status_agrees()

    def test_many_at_once(self):
        self.open_street("round-robin")
        clients = [self.client(self.port) for _ in range(100 * PROCESSES)]
        for client in clients:
            self.assertTrue(street.ask(client))
        self.assertEqual(self.shares(), dict.fromkeys(range(PROCESSES), 100))


class LeastConnections(Balance):
    def test_the_spread_is_exact(self):
        self.open_street("least-connections")
        came = [self.come() for _ in range(4 * PROCESSES)]
        self.assertEqual(self.shares(), dict.fromkeys(range(PROCESSES), 4))
        # One process loses three, another one loses one: those who come now fill the gaps, the largest first.
        gaps = {0: 3, 1: 1, 2: 0}
        for client, slot in came:
            if gaps[slot]:
                gaps[slot] -= 1
                self.leave(client, slot)
        self.assertEqual(self.shares(), {0: 1, 1: 3, 2: 4})
        self.assertEqual([self.come()[1] for _ in range(2)], [0, 0])
        self.assertEqual(sorted(self.come()[1] for _ in range(2)), [0, 1])
        self.assertEqual(self.shares(), {0: 4, 1: 4, 2: 4})
        self.assert_status_agrees()

    def test_many_at_once(self):
        self.open_street("least-connections")
        first = [self.client(self.port) for _ in range(100)]
        for client in first:
            self.assertTrue(street.ask(client))
        self.assertEqual(sorted(self.shares().values()), [33, 33, 34])
        for client in first[::2]:
            client.close()
        self.portier.wait_metric(50, "portier_connections_active", port=self.key)
        street.wait_until(lambda: sum(self.shares().values()) == 50, "their ends are counted for their processes")
        for client in [self.client(self.port) for _ in range(250)]:
            self.assertTrue(street.ask(client))
        self.assertEqual(self.shares(), dict.fromkeys(range(PROCESSES), 100))

    def test_who_comes_back_from_the_dead_is_filled_up(self):
        self.open_street("least-connections")
        clients = [self.client(self.port) for _ in range(30)]
        for client in clients:
            self.assertTrue(street.ask(client))
        self.kill_process(1)
        self.assertEqual(self.shares(), {0: 10, 1: 0, 2: 10})
        street.wait_until(lambda: self.come()[1] == 1, "the new process gets connections")
        while (shares := self.shares())[1] < min(shares[0], shares[2]):
            self.assertEqual(self.come()[1], 1)


class SourceHash(Balance):
    SOURCES = [f"127.0.{number}.7" for number in range(1, 25)]

    def test_the_same_source_goes_to_the_same_process(self):
        self.open_street("source-hash")
        homes = {source: self.come(source)[1] for source in self.SOURCES}
        self.assertEqual(set(homes.values()), set(range(PROCESSES)), "nobody is left out")
        for source in self.SOURCES:
            self.assertEqual([self.come(source)[1] for _ in range(2)], [homes[source]] * 2)
        self.assert_status_agrees()

    def test_it_stays_so_over_restarts_and_reloads(self):
        self.open_street("source-hash")
        homes = {source: self.come(source)[1] for source in self.SOURCES}
        os.kill(self.portier.router_pid(), signal.SIGKILL)
        self.kill_process(0)
        at_home = next(source for source, home in homes.items() if home == 0)
        street.wait_until(lambda: self.come(at_home)[1] == 0, "the new process gets connections")
        self.assertEqual({source: self.come(source)[1] for source in self.SOURCES}, homes)
        # One process less moves only those who lived there.
        self.portier.config["handlers"]["echo"]["processes"] = PROCESSES - 1
        self.portier.write()
        self.assertEqual(self.portier.command("reload").returncode, 0)
        for source, home in homes.items():
            slot = self.come(source)[1]
            if home < PROCESSES - 1:
                self.assertEqual(slot, home)


class Inherit(Balance):
    def test_every_process_is_told_apart(self):
        """The processes accept by themselves; whose a connection is, is found by looking."""
        self.port = street.free_port()
        self.key = f"{self.port}/tcp"
        self.portier = self.street({"echo": street.handler("echo", processes=PROCESSES, delivery="inherit")},
                                   {self.key: "echo"})
        clients = [self.client(self.port) for _ in range(60)]
        for client in clients:
            self.assertTrue(street.ask(client))
        street.wait_until(lambda: sum(self.shares().values()) == 60, "all are counted for a process")
        for client in clients:
            client.close()
        street.wait_until(lambda: sum(self.shares().values()) == 0, "nobody has a connection")


if __name__ == "__main__":
    street.main()
