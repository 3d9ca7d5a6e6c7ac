"""A relay that starts its program itself: each process has the address of its number, and only those that are ready are
connected to."""
import os
import signal

import street

# Serves one connection after the other on the port of its number, and says its number to each.
PROGRAM = """
import os, socket, sys
number = os.environ["PORTIER_PROCESS"]
listener = socket.create_server(("127.0.0.1", int(sys.argv[1 + int(number)])))
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.sendto(b"READY=1", "\\0" + os.environ["NOTIFY_SOCKET"][1:])
while True:
    client = listener.accept()[0]
    client.sendall(number.encode())
    client.close()
"""


class RelayCommand(street.Case):
    def ask(self, port):
        """The number of the process that a new client meets."""
        return int(street.exactly(self.client(port), 1))

    def test_each_process_has_its_address(self):
        port, *own = (street.free_port() for _ in range(3))
        handler = {"delivery": "relay", "command": ["python3", "-c", PROGRAM, *map(str, own)], "processes": 2,
                   "ready": "notify", "connect": [f"127.0.0.1:{number}" for number in own],
                   "restart": {"first": "1h", "max": "1h"}}
        portier = self.street({"numbers": handler}, {f"127.0.0.1:{port}/tcp": "numbers"})
        for number in 0, 1, 0, 1:
            street.wait_until(lambda: self.ask(port) == number, f"process {number} is connected to")
        os.kill(portier.pids("numbers")[0], signal.SIGKILL)
        street.wait_until(lambda: 0 not in portier.pids("numbers"), "its end is known")
        street.wait_until(lambda: [item["backend"] for item in portier.status()["handlers"][0]["backends"]] == [1],
                          "only the other one is left, under its own number")
        self.assertEqual([self.ask(port) for _ in range(4)], [1, 1, 1, 1])
        self.assertEqual(portier.metric("portier_backend_failures_total", handler="numbers", backend="1",
                                        reason="refused"), 0)


if __name__ == "__main__":
    street.main()
