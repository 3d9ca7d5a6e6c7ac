"""Handlers that do not keep to the handoff contract, or use it to the full: they harm nobody but themselves."""

import concurrent.futures
import os
import signal

import street

NEVER = {"first": "1h", "max": "1h"}


class Contract(street.Case):
    def open_street(self, mode, **keys):
        """A port with two processes of which one misbehaves, and a port beside it with an honest one."""
        self.flag = self.folder / "flag"
        self.flag.touch(mode=0o666)
        self.folder.chmod(0o777)  # the handler takes the flag away
        self.port, self.beside = street.free_port(), street.free_port()
        faulty = street.script("doors.py", mode, str(self.flag), processes=2, ready="notify", **keys)
        self.portier = self.street({"faulty": faulty, "honest": street.handler("echo")},
                                   {f"{self.port}/tcp": "faulty", f"{self.beside}/tcp": "honest"})

    def answer(self, client=None):
        """Which process has answered."""
        client = client or self.client(self.port)
        client.sendall(b"hello")
        return street.exactly(client, 8).decode().removesuffix(": hello")

    def answers(self, count):
        with concurrent.futures.ThreadPoolExecutor(count) as crowd:
            return [asked.result() for asked in [crowd.submit(self.answer) for _ in range(count)]]

    def assert_honest_port_serves(self):
        self.assertTrue(street.ask(self.client(self.beside)))

    def test_a_process_that_does_not_read_holds_up_few(self):
        for balance in "round-robin", "least-connections", "source-hash":
            with self.subTest(balance):
                self.open_street("deaf", balance=balance)
                guests = [self.client(self.port, f"127.0.0.{number}") for number in range(1, 31)]
                for guest in guests:
                    guest.sendall(b"hello")
                street.wait_until(lambda: self.are_served_within_a_second(50), "after a second it gets no more")
                self.flag.unlink()
                self.assertEqual({street.exactly(guest, 8)[1:] for guest in guests}, {b": hello"})

    def are_served_within_a_second(self, count):
        def is_served():
            client = self.client(self.port)
            client.settimeout(1)
            try:
                return self.answer(client) == "1"
            except TimeoutError:
                return False
        with concurrent.futures.ThreadPoolExecutor(count) as crowd:
            return all(asked.result() for asked in [crowd.submit(is_served) for _ in range(count)])

    def test_an_empty_message_is_not_the_end(self):
        """What the process has is not given to another one as well."""
        self.open_street("empty")
        self.assertEqual(sorted(self.answers(2)), ["0", "1"])
        self.assertEqual(set(self.answers(10)) - {"0"}, {"1"})

    def test_who_takes_no_more_is_replaced(self):
        """A process that breaks the contract and lives on is a dead house with a light in the window."""
        self.open_street("empty")
        pid = self.portier.pids("faulty")[0]
        self.assertEqual(sorted(self.answers(2)), ["0", "1"])
        street.wait_until(lambda: self.portier.pids("faulty").get(0, pid) != pid, "another process 0 is there")
        self.portier.wait_metric(1, "portier_handler_restarts_total", handler="faulty", reason="failed")
        street.wait_until(lambda: set(self.answers(2)) == {"0", "1"}, "both serve")

    def test_a_child_that_keeps_the_channel_does_not_keep_the_guests(self):
        self.open_street("child", restart=NEVER)
        self.assertEqual(set(self.answers(10)), {"1"})

    def test_a_lingering_socket_keeps_nobody_waiting(self):
        self.open_street("linger")
        guests = [self.client(self.port) for _ in range(20)]  # none of them reads
        street.wait_until(lambda: self.portier.metrics().total("portier_handler_connections_active", handler="faulty")
                          >= len(guests), "all were handed over")
        self.assert_honest_port_serves()
        for guest in guests:
            guest.setsockopt(street.socket.SOL_SOCKET, street.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            guest.close()

    def test_stopping_outlives_the_router(self):
        self.open_street("stopping")
        self.assertEqual(sorted(self.answers(2)), ["0", "1"])
        street.wait_until(lambda: set(self.answers(4)) == {"1"}, "process 0 gets no more")
        router = self.portier.router_pid()
        os.kill(router, signal.SIGKILL)
        street.wait_until(lambda: self.portier.router_pid() not in (None, router), "another router")
        self.assertEqual(self.answers(4), ["1"] * 4)


if __name__ == "__main__":
    street.main()
