"""Much data through a relay, both ways at once, in slices of a byte, in large writes and with stalls: every byte arrives
in its place, whatever way it takes through the router, and a relay that waits holds no memory. PORTIER_RELAY_MIB says how
much each way (a long run: 1024), PORTIER_RELAY_IDLE how many idle connections (a long run: 4000)."""

import hashlib
import os
import random
import socket
import sys
import threading
import time

import kernel
import street
from relays import RelayCase, read_to_end

MIB = int(os.environ.get("PORTIER_RELAY_MIB", "64"))
IDLE = int(os.environ.get("PORTIER_RELAY_IDLE", "300"))
BLOCK = random.Random(1).randbytes(1 << 20)


def send_mixed(end, size, seed, sums):
    """Slices of a byte, pieces of some kilobytes, whole megabytes, and a pause now and then."""
    chance, digest, sent = random.Random(seed), hashlib.blake2b(), 0
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while sent < size:
        kind = chance.random()
        length = 1 if kind < 0.4 else chance.randrange(1, 20_000) if kind < 0.7 else len(BLOCK)
        start = chance.randrange(len(BLOCK))
        piece = BLOCK[start:start + min(length, size - sent)]
        end.sendall(piece)
        digest.update(piece)
        sent += len(piece)
        if kind > 0.99:
            time.sleep(0.02)
    end.shutdown(1)
    sums[seed] = digest.hexdigest()


def receive_mixed(end, seed, sums):
    chance, digest, received = random.Random(-seed), hashlib.blake2b(), 0
    while piece := end.recv(1 if chance.random() < 0.2 else 1 << 18):
        digest.update(piece)
        received += len(piece)
        if chance.random() < 0.002:
            time.sleep(0.02)
    sums[-seed] = (digest.hexdigest(), received)


class StreamTest(RelayCase):
    def resident(self, portier):
        return int(kernel.status(portier.router_pid())["VmRSS"].split()[0]) * 1024

    def test_every_byte_arrives_in_its_place(self):
        portier = self.relayed()
        client, far = self.pair()
        sums, size, before = {}, MIB << 20, self.resident(portier)
        threads = [threading.Thread(target=function, args=arguments) for function, arguments in (
            (send_mixed, (client, size, 1, sums)), (send_mixed, (far, size, 2, sums)),
            (receive_mixed, (far, 1, sums)), (receive_mixed, (client, 2, sums)))]
        for thread in threads:
            thread.start()
        most = before
        while any(thread.is_alive() for thread in threads):
            most = max(most, self.resident(portier))
            time.sleep(0.05)
        for seed in (1, 2):
            self.assertEqual(sums[-seed], (sums[seed], size))
        for end in (client, far):
            end.close()
        self.wait_closed("client_close", 1) if self.closed("client_close") else self.wait_closed("handler_close", 1)
        metrics = portier.metrics()
        self.assertEqual(metrics.total("portier_received_bytes_total"), size)
        self.assertEqual(metrics.total("portier_sent_bytes_total"), size)
        print(f"{MIB} MiB each way, the router grew by {(most - before) >> 10} KiB", file=sys.stderr)
        if not street.SANITIZED:
            self.assertLess(most - before, 1 << 20)

    def test_blocked_relays_hold_two_buffers_at_most(self):
        portier = self.relayed()
        self.assert_relayed(*self.pair())
        before, pairs = self.resident(portier), [self.pair() for _ in range(40)]
        for client, _ in pairs:
            client.setblocking(False)
            self.fill(client)
        used = (self.resident(portier) - before) / len(pairs)
        print(f"a blocked relay: {used / 1024:.1f} KiB", file=sys.stderr)
        if not street.SANITIZED:
            self.assertLess(used, 64 * 1024)
        for client, far in pairs:  # nobody is stuck: what was written arrives
            client.setblocking(True)
            client.shutdown(1)
            self.assertEqual(len(read_to_end(far)[0]), self.written[client])

    written = {}

    def fill(self, client):
        """Until nothing more fits for a while."""
        self.written[client], quiet = 0, 0
        while quiet < 20:
            try:
                self.written[client] += client.send(BLOCK)
                quiet = 0
            except BlockingIOError:
                quiet += 1
                time.sleep(0.005)

    def test_an_idle_relay_is_small(self):
        portier = self.relayed(port_keys={"idle_timeout": "1h"})
        warm = [self.pair() for _ in range(50)]
        for client, far in warm:
            self.assert_relayed(client, far)
        before, descriptors = self.resident(portier), self.descriptors(portier)
        pairs = [self.pair() for _ in range(IDLE)]
        for client, far in pairs:
            self.assert_relayed(client, far)
        used = (self.resident(portier) - before) / IDLE
        print(f"an idle relay: {used:.0f} bytes", file=sys.stderr)
        self.assertLessEqual(self.descriptors(portier) - descriptors, 2 * IDLE + 2)
        if not street.SANITIZED and IDLE >= 1000:
            self.assertLess(used, 1024)

    def descriptors(self, portier):
        return len(os.listdir(f"/proc/{portier.router_pid()}/fd"))


if __name__ == "__main__":
    street.main()
