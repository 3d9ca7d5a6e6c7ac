"""What the tests of guests share: running it, and judging what it counted. Each test takes the path of guests."""

import json
import subprocess
import sys
import unittest

from faulty_server import PATIENCE

GUESTS = sys.argv.pop(1)


def run(*arguments, **options):
    """The exit code and the JSON object of one run."""
    command = [GUESTS, *map(str, arguments), "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, **options)
    if done.returncode not in (0, 1):
        raise AssertionError(f"{command}: {done.returncode}: {done.stderr}")
    return done.returncode, json.loads(done.stdout)


class Case(unittest.TestCase):
    def assert_failed(self, result, kind, count):
        """Every one of `count` operations failed in this way and in no other."""
        code, report = result
        failures = {name: number for name, number in report["failures"].items() if number}
        self.assertEqual(failures, {"total": count, kind: count})
        self.assertEqual(report["ok"], 0)
        self.assertEqual(code, 1)

    def assert_ok(self, result, count=None):
        code, report = result
        self.assertEqual(report["failures"]["total"], 0, report)
        self.assertEqual(report["operations"], report["ok"])
        if count is not None:
            self.assertEqual(report["ok"], count)
        self.assertEqual(code, 0)
        return report
