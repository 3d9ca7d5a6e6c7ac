"""Proves that Prometheus takes the configuration and the rules, that every alert passes its unit tests, and that those
tests notice an alert that always or never fires."""

import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import shipped

PATIENCE = 60
WANTED = {
    "PortierDown", "PortierConfigReloadFailed", "PortierHandlerNotReady", "PortierHandlerCrashLooping",
    "PortierRejecting", "PortierConnectionsNearLimit", "PortierAcceptQueueSaturated", "PortierDatagramsDropped",
    "PortierFdsNearLimit", "PortierSlowDispatch", "PortierRouterRestarting", "PortierVersionSkew",
}


def promtool(*arguments, folder=shipped.DASHBOARDS):
    return subprocess.run(["promtool", *arguments], cwd=folder, capture_output=True, text=True, timeout=PATIENCE,
                          check=False)


class Alerts(unittest.TestCase):
    def assert_good(self, done):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_files_are_good(self):
        self.assert_good(promtool("check", "config", "prometheus.yml"))
        self.assert_good(promtool("check", "rules", "alerts.yml"))

    def test_unit_tests_pass(self):
        self.assert_good(promtool("test", "rules", "alerts.test.yml"))

    def test_every_alert_is_there_and_explains_itself(self):
        readme = (shipped.DASHBOARDS / "README.md").read_text()
        self.assertEqual(set(shipped.alerts()), WANTED)
        for name, text in shipped.alerts().items():
            with self.subTest(name):
                severity = re.search(r"severity: (critical|warning|info)\b", text)
                self.assertTrue(severity)
                self.assertRegex(text, r"summary: \S")
                self.assertRegex(text, r"description: \S")
                self.assertIn(f"| `{name}` | {severity[1]} |", readme)

    def test_every_alert_is_seen_silent_firing_and_silent_again(self):
        tests = (shipped.DASHBOARDS / "alerts.test.yml").read_text().split("  - name: ")[1:]
        for name in shipped.alerts():
            mine = [test for test in tests if test.split()[0] == name]
            self.assertTrue(mine, name)
            for test in mine:
                silent = re.findall(r"exp_alerts:( \[\])?", test)
                self.assertEqual(silent, [" []", "", " []"], test.splitlines()[0])

    def test_the_unit_tests_notice_a_broken_alert(self):
        text = (shipped.DASHBOARDS / "alerts.yml").read_text()
        for name, rule in shipped.alerts().items():
            good = shipped.expression(rule)
            for broken in f" ({good.strip()}) and vector(0) > 1", f" ({good.strip()}) or {any_series(good)}":
                with self.subTest(name, expression=broken):
                    quoted = " >-\n          " + " ".join(broken.split())
                    original = re.search(r"expr:(.*?)\n +(?:for|labels):", rule, re.S)[1]
                    self.assert_unit_tests_fail(text.replace(rule, rule.replace(original, quoted, 1)))

    def assert_unit_tests_fail(self, rules):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "alerts.yml").write_text(rules)
            shutil.copy(shipped.DASHBOARDS / "alerts.test.yml", folder)
            self.assert_good(promtool("check", "rules", "alerts.yml", folder=folder))
            self.assertNotEqual(promtool("test", "rules", "alerts.test.yml", folder=folder).returncode, 0)


def any_series(query):
    """A query that always answers, with the series of the first metric."""
    return re.search(r"(?:portier|process)_\w+|up", query)[0]


if __name__ == "__main__":
    unittest.main()
