"""Proves that the metrics in code, in the documentation and in the dashboard are one set, and that every label that a
query names exists."""

import re
import sys
import unittest

import promql
import shipped

sys.dont_write_bytecode = True
sys.path.insert(0, str(shipped.DASHBOARDS))
import generate  # noqa: E402  (found by the line before)

# Made by Prometheus for every target.
FOREIGN = {"up": {"type": "gauge", "labels": []}}
TARGET_LABELS = {"job", "instance"}


class MetricsSet(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.code = shipped.described_metrics()
        cls.known = cls.code | FOREIGN
        cls.queries = {where: promql.parse(text) for where, text in shipped.queries()}
        cls.alerts = {f"alert {name}": promql.parse(shipped.expression(text))
                      for name, text in shipped.alerts().items()}

    def used(self, queries):
        return {promql.metric_of(s.metric, self.code) for query in queries.values() for s in query.selectors}

    def test_the_dashboard_shows_every_metric_and_no_other(self):
        self.assertEqual(self.used(self.queries) - set(FOREIGN), set(self.code))

    def test_alerts_use_no_other_metric(self):
        self.assertLessEqual(self.used(self.alerts), set(self.known))

    def test_the_table_in_the_readme_is_the_code(self):
        rows = [line.strip("| ").split(" | ") for line in (shipped.DASHBOARDS / "README.md").read_text().splitlines()
                if line.startswith(("| `portier_", "| `process_"))]
        written = {name.strip("`"): (kind, labels.replace("`", "").split(), meaning)
                   for name, kind, labels, meaning in rows}
        self.assertEqual(len(rows), len(written), "a metric is there twice")
        self.assertEqual(written, {name: (m["type"], m["labels"], m["help"]) for name, m in self.code.items()})

    def test_the_values_of_labels_in_the_readme_are_the_code(self):
        lists = (shipped.DASHBOARDS.parent / "router" / "metrics" / "labels.hpp").read_text()
        names = {name: re.findall(r'"(\w+)"', words)
                 for name, words in re.findall(r"\bk(\w+)Names\{([^}]*)\}", lists)}
        metrics = {"Rejected": "portier_connections_rejected_total", "Closed": "portier_connections_closed_total",
                   "Restarted": "portier_handler_restarts_total", "RouterRestart": "portier_router_restarts_total",
                   "ReloadResult": "portier_config_reloads_total", "ProcessState": "portier_handler_processes",
                   "FlowClosed": "portier_flows_closed_total", "Dropped": "portier_datagrams_dropped_total",
                   "Exited": "portier_handler_exits_total", "BackendFailed": "portier_backend_failures_total"}
        self.assertEqual(set(names), set(metrics))
        rows = [line.split(" | ") for line in (shipped.DASHBOARDS / "README.md").read_text().splitlines()]
        written = {row[1].strip("`"): re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", row[2]))
                   for row in rows if len(row) == 3 and row[0] in ("| `reason`", "| `result`", "| `state`", "| `code`")}
        for enum, metric in metrics.items():
            with self.subTest(metric):  # a process that is absent is not counted
                self.assertEqual(written[metric], [name for name in names[enum] if name != "absent"])

    def test_overview_json_is_what_the_generator_makes(self):
        self.assertEqual((shipped.DASHBOARDS / "overview.json").read_text(), generate.overview_text(),
                         "run dashboards/generate.py")

    def labels_of(self, selector):
        base = promql.metric_of(selector.metric, self.code)
        labels = set(self.known[base]["labels"]) | TARGET_LABELS
        return labels | {"le"} if selector.metric.endswith("_bucket") else labels

    def test_labels_in_queries_exist(self):
        for where, query in (self.queries | self.alerts).items():
            with self.subTest(where):
                everything = set().union(*(self.labels_of(selector) for selector in query.selectors))
                self.assertLessEqual(query.grouping, everything)
                for selector in query.selectors:
                    self.assertLessEqual(set(selector.matchers), self.labels_of(selector), selector.metric)

    def test_counters_are_only_shown_as_rates(self):
        for where, query in (self.queries | self.alerts).items():
            for selector in query.selectors:
                base = promql.metric_of(selector.metric, self.code)
                kind = self.known[base]["type"]
                with self.subTest(where, series=selector.metric):
                    self.assertFalse(kind == "histogram" and base == selector.metric, "a histogram has no such series")
                    in_rate = bool(selector.window) and selector.inside in {"rate", "increase"}
                    self.assertEqual(in_rate, kind != "gauge")


class Parser(unittest.TestCase):
    """The tests above see what is really in a query."""

    def test_selectors_with_their_labels_windows_and_functions(self):
        query = promql.parse("histogram_quantile(0.9, sum by (le, a) "
                             '(rate(x_bucket{a=~"b{c}", d!="e"}[5m]) and on (f) y{}))'
                             " / (z > 0) or time() - max without (g) (w)")
        self.assertEqual(query.selectors, [
            promql.Selector("x_bucket", {"a": '=~"b{c}"', "d": '!="e"'}, "5m", "rate"),
            promql.Selector("y", {}, "", ""),
            promql.Selector("z", {}, "", ""),
            promql.Selector("w", {}, "", ""),
        ])
        self.assertEqual(query.grouping, {"le", "a", "f", "g"})


if __name__ == "__main__":
    unittest.main()
