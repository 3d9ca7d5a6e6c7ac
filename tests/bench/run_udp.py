#!/usr/bin/env python3
"""Compares portier's UDP relay with a bare echo server and nginx, interleaved (README.md)."""

import argparse
import json
import pathlib
import sys
import tempfile

from machine import describe
from run import ROOT, Bench, list_of, positive
from servers import Missing, program
from table import report
from udp_servers import NAMES, UdpFleet

# Options of guests, and which servers take part: nginx keeps each flow for its whole timeout and soon has no connection
# left for new ones, which is no rate.
MODES = {
    "udp": (["--flows"], NAMES),
    "udp-new": (["--new-flow-per-request", "--flows"], ["bare", "relay"]),
}


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=ROOT / "build", help="build folder (default: build)")
    parser.add_argument("--servers", type=list_of(NAMES), default=NAMES, help=f"default: {','.join(NAMES)}")
    parser.add_argument("--modes", type=list_of(list(MODES)), default=list(MODES), help="default: udp,udp-new")
    parser.add_argument("--rounds", type=positive(int), default=9, help="default 9")
    parser.add_argument("--seconds", type=positive(float), default=3.0, help="of one run (default 3)")
    parser.add_argument("--at-a-time", type=positive(int), default=100, help="flows (default 100)")
    parser.add_argument("--size", type=positive(int), default=64, help="bytes of a datagram (default 64)")
    parser.add_argument("--server-processes", type=positive(int), default=2, help="bare, nginx (default 2)")
    parser.add_argument("--guests-processes", type=positive(int), default=1, help="of the client (default 1)")
    parser.add_argument("--output", default="bench-udp.json", help="everything as JSON (default bench-udp.json)")
    return parser.parse_args(arguments)


class UdpBench(Bench):
    def options_of(self, mode):
        return ["udp"], MODES[mode][0]


def main(arguments):
    options = parse_arguments(arguments)
    try:
        bench = UdpBench(options, None)
        versions = {"portier": [program("portier", [pathlib.Path(options.build) / "portier"]), "version"]}
        if "nginx" in options.servers:
            versions["nginx"] = [program("nginx"), "-v"]
        settings = {"rounds": options.rounds, "seconds": options.seconds, "at a time": options.at_a_time,
                    "bytes": options.size, "server processes": options.server_processes,
                    "client processes": options.guests_processes}
        result = {"machine": describe(versions), "settings": settings, "references": ["bare", "nginx"], "modes": {}}
        with tempfile.TemporaryDirectory(prefix="portier-bench-") as directory:
            with UdpFleet(options.build, directory, options.server_processes) as fleet:
                ports = {name: fleet.start(name) for name in options.servers}
                for mode in options.modes:
                    taking_part = {name: port for name, port in ports.items() if name in MODES[mode][1]}
                    result["modes"][mode] = bench.rounds(mode, taking_part)
    except (Missing, RuntimeError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    pathlib.Path(options.output).write_text(json.dumps(result, indent=1) + "\n")
    print(report(result), end="")
    failures = sum(run["failures"] for rounds in result["modes"].values() for one in rounds for run in one.values())
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
