#!/usr/bin/env python3
"""Writes dashboards/overview.json from generator/, and the table of metrics in dashboards/README.md."""

import argparse
import json
import pathlib
import subprocess

from generator.frame import overview
from generator.readme import with_metrics

HERE = pathlib.Path(__file__).resolve().parent


def overview_text():
    return json.dumps(overview(), indent=2) + "\n"


def readme_text(portier):
    described = subprocess.run([portier, "metrics", "--describe", "-o", "json"], capture_output=True, check=True)
    return with_metrics((HERE / "README.md").read_text(), json.loads(described.stdout))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("portier", nargs="?", default=HERE.parent / "build" / "portier",
                        help="the built program, which knows the metrics (default: build/portier)")
    arguments = parser.parse_args()
    readme = readme_text(arguments.portier)
    (HERE / "overview.json").write_text(overview_text())
    (HERE / "README.md").write_text(readme)


if __name__ == "__main__":
    main()
