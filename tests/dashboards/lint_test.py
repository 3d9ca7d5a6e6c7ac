"""Proves that the dashboard is well made: a person can read every panel, and Grafana can draw it."""

import itertools
import json
import re
import unittest

import promql
import shipped

KINDS = {"timeseries", "stat", "bargauge", "table"}
UNITS = {"none", "short", "cps", "Bps", "bytes", "s", "percentunit", "dateTimeFromNow"}
ROWS = ["Overview", "Ports", "Flows", "Handlers", "Backends", "Saturation", "Runtime"]
CHOSEN = {"uid": "${datasource}", "type": "prometheus"}


def overlap(one, other):
    a, b = one["gridPos"], other["gridPos"]
    return (a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"]
            and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"])


class Dashboard(unittest.TestCase):
    def test_frame(self):
        board = shipped.dashboard()
        self.assertEqual(board["uid"], "portier-overview")
        self.assertIn(board["schemaVersion"], range(38, 43))
        self.assertFalse(board["editable"])
        self.assertNotIn("__inputs", board)
        self.assertEqual([panel["title"] for panel in board["panels"] if panel["type"] == "row"], ROWS)

    def test_variables(self):
        names = [item["name"] for item in shipped.dashboard()["templating"]["list"]]
        self.assertEqual(names, ["datasource", "job", "instance", "handler", "port"])
        for name, variable in shipped.variables().items():
            with self.subTest(name):
                self.assertEqual((variable["multi"], variable["includeAll"], variable["allValue"]), (True, True, ".+"))
                self.assertEqual(variable["datasource"], CHOSEN)
                self.assertEqual(shipped.values_of(variable)[1], name)
                self.assertEqual(variable["definition"], variable["query"]["query"])

    def test_every_panel_explains_itself(self):
        for panel in shipped.panels():
            with self.subTest(panel["title"]):
                self.assertIn(panel["type"], KINDS)
                self.assertTrue(panel["title"] and panel["description"].endswith("."))
                self.assertIn(panel["fieldConfig"]["defaults"]["unit"], UNITS)
        titles = [panel["title"] for panel in shipped.panels()]
        self.assertEqual(len(titles), len(set(titles)), "two panels of one title")

    def test_places_do_not_overlap(self):
        panels = shipped.dashboard()["panels"]
        for panel in panels:
            place = panel["gridPos"]
            self.assertTrue(0 <= place["x"] and 0 < place["w"] and place["x"] + place["w"] <= 24, panel["title"])
        for one, other in itertools.combinations(panels, 2):
            self.assertFalse(overlap(one, other), (one["title"], other["title"]))

    def test_identifiers_are_unique(self):
        identifiers = [panel["id"] for panel in shipped.dashboard()["panels"]]
        self.assertEqual(len(identifiers), len(set(identifiers)))
        for panel in shipped.panels():
            letters = [target["refId"] for target in panel["targets"]]
            self.assertEqual(len(letters), len(set(letters)), panel["title"])

    def test_everything_comes_from_the_chosen_data_source(self):
        for panel in shipped.panels():
            self.assertTrue(panel["targets"], panel["title"])
            for source in [panel, *panel["targets"]]:
                self.assertEqual(source["datasource"], CHOSEN, panel["title"])
        for annotation in shipped.annotations():
            self.assertEqual(annotation["datasource"], CHOSEN, annotation["name"])

    def test_every_query_follows_the_variables(self):
        names = set(shipped.variables()) | {"__rate_interval"}
        for where, text in shipped.queries():
            with self.subTest(where):
                self.assertLessEqual(set(re.findall(r"\$(\w+)", text)), names)
                for selector in promql.parse(text).selectors:
                    if not where.startswith("variable"):
                        self.assertEqual(selector.matchers.get("job"), '=~"$job"')
                        self.assertEqual(selector.matchers.get("instance"), '=~"$instance"')
                    self.assertIn(selector.window, {"", "$__rate_interval"})

    def test_tables_show_numbers_only_as_named_columns(self):
        for panel in shipped.panels():
            if panel["type"] == "table":
                organize = next(item["options"] for item in panel["transformations"] if item["id"] == "organize")
                shown = organize["renameByName"] | organize["excludeByName"]
                self.assertLessEqual({f"Value #{target['refId']}" for target in panel["targets"]}, set(shown))

    def test_the_window_of_rates_follows_the_shipped_scrape_interval(self):
        source = (shipped.DASHBOARDS / "provisioning/datasources/portier.yaml").read_text()
        scrapes = re.search(r"scrape_interval: (\w+)", (shipped.DASHBOARDS / "prometheus.yml").read_text())[1]
        self.assertEqual(re.search(r"timeInterval: (\w+)", source)[1], scrapes)

    def test_compose_mounts_what_is_there_and_what_provisioning_names(self):
        compose = (shipped.DASHBOARDS / "compose.yaml").read_text()
        for name in re.findall(r"- \./([\w.]+):", compose):
            self.assertTrue((shipped.DASHBOARDS / name).exists(), name)
        provider = (shipped.DASHBOARDS / "provisioning/dashboards/portier.yaml").read_text()
        folder = re.search(r"path: (\S+)", provider)[1]
        self.assertIn(f"./overview.json:{folder}/overview.json:ro", compose)

    def test_nothing_is_left_of_the_generators_shorthand(self):
        text = json.dumps([text for _, text in shipped.queries()])
        self.assertIsNone(re.search(r"\b(INSTANCE|PORT|HANDLER|OF_HANDLER|RATE)\b", text))


if __name__ == "__main__":
    unittest.main()
