"""Proves the arithmetic of the bench and that a small run of it works. Argument: the build folder."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import run
from comparisons import COMPARISONS
from statistics_of_rounds import median_with_interval, order_of_round, ratios
from table import report

BUILD = sys.argv.pop(1)
PATIENCE = 120


class Arithmetic(unittest.TestCase):
    def test_ratios_are_per_round(self):
        self.assertEqual(ratios([10, 30], [20, 20]), [0.5, 1.5])

    def test_equal_rounds_leave_no_doubt(self):
        self.assertEqual(median_with_interval([2.0] * 9), (2.0, 2.0, 2.0))

    def test_the_interval_holds_the_median_and_ignores_one_outlier(self):
        median, low, high = median_with_interval([1.0, 1.1, 0.9, 1.0, 1.05, 0.95, 1.0, 1.02, 50.0])
        self.assertTrue(0.9 <= low <= median <= high <= 1.1, (low, median, high))

    def test_rounds_run_forth_and_back(self):
        self.assertEqual([order_of_round("ABC", number) for number in range(3)], [list("ABC"), list("CBA"), list("ABC")])


class Run(unittest.TestCase):
    def measure(self, comparison, servers):
        """A small run: the modes that it wrote, each a list of rounds."""
        with tempfile.TemporaryDirectory() as directory:
            output = pathlib.Path(directory) / "bench.json"
            command = [sys.executable, run.__file__, comparison, "--build", BUILD, "--servers", servers, "--rounds", "2",
                       "--seconds", "0.2", "--at-a-time", "4", "--output", str(output)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            result = json.loads(output.read_text())
        self.assertEqual(done.stdout, report(result))
        return result["modes"]

    def test_measures_each_comparison_and_writes_both_results(self):
        for comparison, servers in (("handoff", "bare"), ("relay", "bare,relay"), ("udp", "bare,relay")):
            with self.subTest(comparison=comparison):
                modes = self.measure(comparison, servers)
                self.assertEqual(list(modes), list(COMPARISONS[comparison].modes))
                for rounds in modes.values():
                    self.assertEqual(len(rounds), 2)
                    for server in servers.split(","):
                        self.assertGreater(rounds[0][server]["per_second"], 0)

    def test_a_missing_program_is_an_error(self):
        with tempfile.TemporaryDirectory() as empty:
            command = [sys.executable, run.__file__, "--build", empty, "--servers", "bare"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("guests is not installed or not built", done.stderr)

    def test_an_unknown_server_is_bad_usage(self):
        command = [sys.executable, run.__file__, "--servers", "bare,apache"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()
