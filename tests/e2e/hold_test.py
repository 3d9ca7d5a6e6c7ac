"""Many connections held on one handoff port: everyone is answered, and the router hardly notices them.

PORTIER_HOLD says how many; as many processes hold them as the descriptor limit asks for.
"""

import os
import resource

import kernel
import street

DESCRIPTORS = min(19_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
CONNECTIONS = int(os.environ.get("PORTIER_HOLD", 10_000 if street.SANITIZED else 100_000))
PROCESSES = -(-CONNECTIONS // (DESCRIPTORS - 1000))
BYTES_PER_CONNECTION = 32
ROUTER_DESCRIPTORS = 200


class Hold(street.Case):
    def test_everyone_is_answered(self):
        port = street.free_port()
        key = f"{port}/tcp"
        echo = street.handler("echo", processes=PROCESSES, balance="least-connections",
                              limits={"open_files": DESCRIPTORS})
        portier = self.street({"echo": echo}, {key: "echo"})
        router = portier.router_pid()
        before = kernel.resident_bytes(router)
        counters = kernel.counters()

        guests = self.guests("hold", port, "--connections", CONNECTIONS, "--greet")
        self.assertEqual(guests.announcement, f"holding {CONNECTIONS}")
        portier.wait_metric(CONNECTIONS, "portier_connections_active", port=key)
        metrics = portier.metrics()
        shares = metrics.all("portier_handler_connections_active", handler="echo")
        self.assertEqual(sum(shares.values()), CONNECTIONS)
        self.assertEqual(len(shares), PROCESSES)
        self.assertLess(len(kernel.descriptors(router)), ROUTER_DESCRIPTORS)
        growth = kernel.resident_bytes(router) - before
        print(f"{CONNECTIONS} connections, router: {growth / CONNECTIONS:.1f} bytes each, "
              f"{len(kernel.descriptors(router))} descriptors")
        if not street.SANITIZED:  # a sanitizer's own memory grows too
            self.assertLessEqual(growth, BYTES_PER_CONNECTION * CONNECTIONS)

        report = guests.finish()
        self.assert_no_failures(report)
        self.assertEqual((report["ok"], report["held"]), (CONNECTIONS, CONNECTIONS))
        portier.wait_metric(0, "portier_connections_active", port=key)
        metrics = portier.metrics()
        self.assertEqual(metrics.total("portier_handler_connections_active", handler="echo"), 0)
        self.assertEqual(metrics.of("portier_connections_closed_total", port=key, reason="client_close"), CONNECTIONS)
        self.assertEqual(metrics.of("portier_received_bytes_total", port=key), report["sent_bytes"])
        self.assertEqual(metrics.of("portier_sent_bytes_total", port=key), report["received_bytes"])
        self.assertEqual(metrics.of("portier_accounting_resyncs_total"), 0)
        self.assertEqual(portier.router_pid(), router)
        if self.isolated:
            deltas = {name: value - counters[name] for name, value in kernel.counters().items()}
            seen = {name: delta for name, delta in deltas.items() if delta}
            self.assertEqual(kernel.harm(deltas), 0, seen)


if __name__ == "__main__":
    street.main()
