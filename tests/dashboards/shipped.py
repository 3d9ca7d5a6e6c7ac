"""What the project ships: the dashboard with its queries, the alerts, and the metrics that the program describes."""

import json
import os
import pathlib
import re
import subprocess

DASHBOARDS = pathlib.Path(__file__).resolve().parents[2] / "dashboards"
BUILD = pathlib.Path(os.environ.get("PORTIER_BUILD", DASHBOARDS.parent / "build"))


def described_metrics():
    """{name: {"type":, "labels":, "help":}}, as the program prints it."""
    command = [BUILD / "portier", "metrics", "--describe", "-o", "json"]
    printed = subprocess.run(command, capture_output=True, check=True)
    return {metric["name"]: metric for metric in json.loads(printed.stdout)}


def dashboard():
    return json.loads((DASHBOARDS / "overview.json").read_text())


def panels():
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def variables():
    """{name: variable} of those that ask Prometheus."""
    return {item["name"]: item for item in dashboard()["templating"]["list"] if item["type"] == "query"}


def annotations():
    return [item for item in dashboard()["annotations"]["list"] if not item.get("builtIn")]


def values_of(variable):
    """The selector and the label of a variable's label_values(SELECTOR, LABEL)."""
    return re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"]).groups()


def queries():
    """(where, PromQL) of every panel, variable and annotation."""
    for panel in panels():
        for target in panel["targets"]:
            yield f"panel {panel['title']!r} {target['refId']}", target["expr"]
    for name, variable in variables().items():
        yield f"variable {name}", values_of(variable)[0]
    for annotation in annotations():
        yield f"annotation {annotation['name']!r}", annotation["expr"]


def alerts():
    """{name: its text in alerts.yml}, in order."""
    text = (DASHBOARDS / "alerts.yml").read_text()
    return {rule.split()[0]: rule for rule in text.split("- alert: ")[1:]}


def expression(alert):
    """The PromQL in the text of an alert."""
    return re.search(r"expr:(.*?)\n +(?:for|labels):", alert, re.S)[1].replace(">-", "")
