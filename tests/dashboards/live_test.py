"""Proves that every query of the dashboard answers: the real router under real load, with handlers and routers that
die, guests that are turned away and reloads that are refused; the real Prometheus; every panel, variable and
annotation."""

import math
import re
import tempfile
import time
import unittest

import shipped
from patience import PATIENCE, free_ports, until
from prometheus_server import Prometheus
from street import Street

# Prometheus has seen all that happens in this test when each of these is above 0.
SEEN = [
    "sum(rate(portier_connections_closed_total[5s]))",
    "sum(portier_handler_connections_active)",
    'sum(increase(portier_connections_rejected_total{reason="limit"}[1m]))',
    "sum(increase(portier_datagrams_dropped_total[1m]))",
    'sum(increase(portier_handler_restarts_total{handler="echo",reason="signal"}[1m]))',
    'sum(increase(portier_router_restarts_total{reason="signal"}[1m]))',
    'sum(increase(portier_config_reloads_total{result="applied"}[1m]))',
    'sum(increase(portier_config_reloads_total{result="unchanged"}[1m]))',
    'sum(increase(portier_config_reloads_total{result="failed"}[1m]))',
    'sum(increase(portier_flows_closed_total{reason="idle"}[1m]))',
    'sum(increase(portier_backend_failures_total{reason="refused"}[1m]))',
    'sum(increase(portier_handler_exits_total{code="0"}[1m]))',
    'sum(rate(process_cpu_seconds_total{role="router"}[1m]))',
]
STEP = 1
RATE_WINDOW = "4s"  # $__rate_interval as Grafana makes it: four scrapes, or a step and a scrape


def substitute(query, chosen):
    """Grafana's macros and variables; `chosen`: {variable: text}, everything for the others."""
    for name in shipped.variables():
        query = re.sub(rf"\${name}\b", lambda _, name=name: chosen.get(name, ".+"), query)
    return query.replace("$__rate_interval", RATE_WINDOW)


def complaints(series, legend="", most=None):
    """What is wrong with the answer to a query."""
    values = [float(value) for one in series for _, value in one["values"]]
    if not values:
        return ["no answer"]
    numbers = [value for value in values if math.isfinite(value)]
    found = [] if numbers else ["nothing but NaN"]
    if numbers and most is not None and not (0 <= min(numbers) and max(numbers) <= most):
        found.append(f"not between 0 and {most}")
    for label in re.findall(r"{{(\w+)}}", legend):
        found += [f"a series without {label}: {one['metric']}" for one in series if label not in one["metric"]]
    return found


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.begin = time.time()
        cls.street = Street(folder)
        cls.addClassCleanup(cls.street.close)
        cls.street.wait_until_ready()
        cls.prometheus = Prometheus(folder, free_ports(1)[0], f"127.0.0.1:{cls.street.ports['admin']}")
        cls.addClassCleanup(cls.prometheus.close)
        cls.prometheus.wait_until_ready()
        cls.live_through_everything()

    @classmethod
    def live_through_everything(cls):
        until(lambda: cls.prometheus.value("portier_config_generation") is not None, "the first scrape")
        cls.street.load()
        until(lambda: cls.prometheus.value("sum(rate(portier_connections_closed_total[5s]))"), "connections to end")
        cls.street.let_flows_end()
        cls.street.turn_one_away()
        cls.street.overflow_datagrams()
        cls.street.kill_a_process()
        cls.street.kill_the_router()
        cls.street.reload_badly_and_well()
        for query in SEEN:
            until(lambda query=query: cls.prometheus.value(query), query)
        cls.street.wait_until_ready()

    def answer(self, query, **chosen):
        return self.prometheus.ask("query_range", query=substitute(query, chosen), start=self.begin, end=time.time(),
                                   step=STEP)["result"]

    def assert_answers(self, where, query, legend="", most=None, **chosen):
        """Soon, because the newest of what it needs may not have been scraped yet."""
        deadline = time.monotonic() + PATIENCE
        while wrong := complaints(self.answer(query, **chosen), legend, most):
            if time.monotonic() > deadline:
                self.fail(f"{where}: {wrong}\n{substitute(query, chosen)}")

    def test_variables_find_what_is_there(self):
        ports = self.street.ports
        here = {f"127.0.0.1:{ports[name]}/{protocol}" for name, protocol in
                (("open", "tcp"), ("small", "tcp"), ("shared", "tcp"), ("shared", "udp"), ("passed", "tcp"),
                 ("passed", "udp"), ("once", "tcp"))}
        wanted = {"job": {"portier"}, "instance": {f"127.0.0.1:{ports['admin']}"}, "handler": {"echo", "shared", "passed", "once"},
                  "port": here}
        self.assertEqual(set(shipped.variables()), set(wanted))
        for name, variable in shipped.variables().items():
            selector, label = shipped.values_of(variable)
            found = self.prometheus.ask(f"label/{label}/values", **{"match[]": substitute(selector, {})})
            self.assertEqual(set(found), wanted[name], name)

    def test_every_panel_answers(self):
        for panel in shipped.panels():
            defaults = panel["fieldConfig"]["defaults"]
            for target in panel["targets"]:
                where = f"{panel['title']} {target['refId']}"
                with self.subTest(where):
                    self.assert_answers(where, target["expr"], target["legendFormat"], defaults.get("max"))

    def test_every_annotation_answers(self):
        for annotation in shipped.annotations():
            with self.subTest(annotation["name"]):
                legend = annotation["titleFormat"] + annotation["textFormat"]
                self.assert_answers(annotation["name"], annotation["expr"], legend)

    def series_of_all_panels(self, **chosen):
        """(title, labels) of every series of every panel."""
        return [(panel["title"], series["metric"]) for panel in shipped.panels() for target in panel["targets"]
                for series in self.answer(target["expr"], **chosen)]

    def test_a_chosen_handler_narrows_ports_and_handlers(self):
        series = self.series_of_all_panels(handler="echo")
        shared = f":{self.street.ports['shared']}/"
        self.assertEqual([one for one in series if one[1].get("handler", "echo") != "echo"], [])
        self.assertEqual([one for one in series if shared in one[1].get("port", "")], [])
        for label in "port", "handler":
            self.assertTrue(any(label in labels for _, labels in series), label)

    def test_a_chosen_port_narrows_ports(self):
        port = f"127.0.0.1:{self.street.ports['open']}/tcp"
        # As Grafana writes it: the text becomes part of a regular expression.
        series = self.series_of_all_panels(port=port.replace(".", r"\\."))
        self.assertEqual({labels["port"] for _, labels in series if "port" in labels}, {port})

    def test_every_rule_was_evaluated(self):
        rules = [rule for group in self.prometheus.ask("rules")["groups"] for rule in group["rules"]]
        self.assertEqual({rule["name"] for rule in rules}, set(shipped.alerts()))
        for rule in rules:
            self.assertEqual(rule["health"], "ok", (rule["name"], rule.get("lastError")))

    def test_a_query_without_an_answer_would_be_noticed(self):
        panel = shipped.panels()[0]["targets"][0]["expr"]
        self.assertEqual(complaints(self.answer(panel.replace("up{", "portier_up{"))), ["no answer"])
        self.assertEqual(complaints(self.answer(panel + " * NaN")), ["nothing but NaN"])
        self.assertTrue(complaints(self.answer(panel + " + 1"), most=1))
        self.assertTrue(complaints(self.answer(panel), legend="{{port}}"))
        with self.assertRaises(ValueError):
            self.answer(panel + " +")


if __name__ == "__main__":
    unittest.main()
