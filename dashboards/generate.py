#!/usr/bin/env python3
"""Writes overview.json from generator/, and the table of metrics in README.md.

    dashboards/generate.py [PORTIER]     PORTIER: the built program, default build/portier
"""

import json
import pathlib
import subprocess
import sys

from generator.frame import overview
from generator.readme import with_metrics

HERE = pathlib.Path(__file__).resolve().parent


def overview_text():
    return json.dumps(overview(), indent=2) + "\n"


def readme_text(portier):
    described = subprocess.run([portier, "metrics", "--describe", "-o", "json"], capture_output=True, check=True)
    return with_metrics((HERE / "README.md").read_text(), json.loads(described.stdout))


def main():
    portier = sys.argv[1] if len(sys.argv) > 1 else HERE.parent / "build" / "portier"
    (HERE / "overview.json").write_text(overview_text())
    (HERE / "README.md").write_text(readme_text(portier))


if __name__ == "__main__":
    main()
