"""The load generator, driven by conditions: it says when the load is there and reports when it is told to end."""

import json
import select
import subprocess

from street import BUILD, PATIENCE

GUESTS = BUILD / "tests" / "guests" / "guests"


class Guests:
    def __init__(self, mode, port, *options):
        target = port if ":" in str(port) else f"127.0.0.1:{port}"
        command = [GUESTS, mode, target, "--until-stdin", "--timeout", f"{PATIENCE}s", "--limit", "20m",
                   "-o", "json", *options]
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        readable, _, _ = select.select([self.process.stdout], [], [], 10 * PATIENCE)
        self.announcement = self.process.stdout.readline().decode().strip() if readable else ""
        if not self.announcement:
            self.close()
            raise AssertionError(f"guests did not begin: {command}")

    def finish(self):
        """Tells it to end and returns its report."""
        out, _ = self.process.communicate(b"\n", 10 * PATIENCE)
        if self.process.returncode not in (0, 1):
            raise AssertionError(f"guests ended with {self.process.returncode}")
        return json.loads(out)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
