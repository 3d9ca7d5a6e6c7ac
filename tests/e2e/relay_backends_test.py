"""Backends of a relay that fail, fill up, are checked, and share the connections by weight."""

import socket
import threading

import street
from relays import RelayCase


def is_connected(backend, patience=0.05):
    """The connection that came within that time, if any."""
    backend.listener.settimeout(patience)
    try:
        return backend.accept()
    except TimeoutError:
        return None
    finally:
        backend.listener.settimeout(street.PATIENCE)


class BackendsTest(RelayCase):
    def refused(self):
        """The client's fate when there is nobody: a reset."""
        with self.assertRaises(ConnectionResetError):
            self.client(self.port).recv(1)

    def failures(self, portier, reason, backend="0"):
        return portier.metric("portier_backend_failures_total", handler="far", backend=backend, reason=reason)

    def test_the_next_address_is_tried(self):
        portier = self.relayed(street.free_port(), self.backend.port)
        for _ in range(4):
            self.assert_relayed(*self.pair())
        self.assertEqual(self.failures(portier, "refused"), 1, "it is passed over after it has failed once")
        self.assertEqual(portier.metric("portier_backend_up", handler="far", backend="0"), 0)
        self.assertEqual(portier.metric("portier_backend_up", handler="far", backend="1"), 1)

    def test_a_backend_that_failed_is_tried_again(self):
        port = street.free_port()
        portier = self.relayed(port, self.backend.port, fail_timeout="200ms")
        self.assert_relayed(*self.pair())
        self.assert_relayed(*self.pair())
        late = self.new_backend(port=port)
        found = []

        def comes_back():
            client = self.client(self.port)
            found.append(is_connected(late) or self.backend.accept())
            self.assert_relayed(client, found[-1])
            self.addCleanup(found[-1].close)
            return found[-1].getsockname()[1] == port
        street.wait_until(comes_back, "it gets connections again")
        street.wait_until(lambda: portier.metric("portier_backend_up", handler="far", backend="0") == 1, "it is up")

    def test_nobody_there(self):
        portier = self.relayed(street.free_port(), street.free_port())
        self.refused()
        self.refused()
        self.wait_closed("no_backend", 2)
        self.assertEqual(self.failures(portier, "refused", "1"), 2)

    def test_attempts_are_limited(self):
        self.relayed(street.free_port(), street.free_port(), self.backend.port, attempts=2, fail_timeout="1h")
        self.refused()
        self.assert_relayed(*self.pair())  # by now the two are known

    def test_a_backend_that_does_not_answer_is_left_in_time(self):
        silent = self.new_backend(backlog=0)
        fillers = []
        for _ in range(8):  # its queue is full: SYNs are dropped
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", silent.port))
            fillers.append(filler)
            self.addCleanup(filler.close)
        portier = self.relayed(silent.port, self.backend.port, connect_timeout="300ms")
        self.assert_relayed(*self.pair())
        street.wait_until(lambda: self.failures(portier, "timeout") == 1, "the failure is counted")

    def test_a_full_backend_makes_others_wait(self):
        keys = {"address": f"127.0.0.1:{self.backend.port}", "max_connections": 1}
        portier = self.relayed(keys, queue={"max": 1, "timeout": "60s"})
        client, far = self.pair()
        waiting = self.client(self.port)
        street.wait_until(lambda: portier.metric("portier_handler_queue_length", handler="far") == 1, "one waits")
        self.refused()
        self.wait_closed("queue_full")
        self.assertIsNone(is_connected(self.backend))
        client.close()
        far.close()
        second = self.backend.accept()
        self.addCleanup(second.close)
        self.assert_relayed(waiting, second)
        self.assertEqual(portier.metric("portier_handler_queue_length", handler="far"), 0)

    def test_waiting_has_an_end(self):
        keys = {"address": f"127.0.0.1:{self.backend.port}", "max_connections": 1}
        self.relayed(keys, queue={"max": 10, "timeout": "300ms"})
        client, far = self.pair()
        self.refused()
        self.wait_closed("queue_timeout")
        self.assert_relayed(client, far)

    def test_weights_and_backups(self):
        heavy, backup = self.new_backend(), self.new_backend()
        self.relayed({"address": f"127.0.0.1:{heavy.port}", "weight": 3}, self.backend.port,
                     {"address": f"127.0.0.1:{backup.port}", "backup": True}, fail_timeout="1h")
        clients = [self.client(self.port) for _ in range(12)]
        counts = [sum(1 for _ in iter(lambda: is_connected(backend), None)) for backend in (heavy, self.backend, backup)]
        self.assertEqual(counts, [9, 3, 0], clients)
        for backend in (heavy, self.backend):
            backend.close()
        self.assert_relayed(*self.pair(backup))

    def test_active_checks_find_out(self):
        port = street.free_port()
        portier = self.relayed(port, self.backend.port,
                               health={"interval": "200ms", "timeout": "200ms", "rise": 2, "fall": 2})
        up = {"handler": "far", "backend": "0"}
        portier.wait_metric(0, "portier_backend_up", **up)
        self.assertGreaterEqual(self.failures(portier, "health"), 2)
        late = self.new_backend(port=port)
        threading.Thread(target=lambda: [late.accept() for _ in range(2)], daemon=True).start()
        portier.wait_metric(1, "portier_backend_up", **up)
        late.close()
        portier.wait_metric(0, "portier_backend_up", **up)


if __name__ == "__main__":
    street.main()
