#!/usr/bin/env python3
"""Compares portier's TCP relay with HAProxy (as it comes, and tuned) and nginx stream, interleaved (README.md): bulk in
MiB a second, messages on established connections, and new connections. CPU is that of the relay alone."""

import argparse
import json
import pathlib
import sys
import tempfile

from machine import describe
from relay_servers import NAMES, RelayFleet
from run import ROOT, Bench, list_of, positive, versions
from servers import Missing
from table import report

MODES = {"bulk": ("stream", "--connections"), "rr": ("rr", "--connections"), "crr": ("crr", "--concurrency")}
BULK_CONNECTIONS = 4
BULK_WRITE = 128 * 1024


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=ROOT / "build", help="build folder (default: build)")
    parser.add_argument("--servers", type=list_of(NAMES), default=NAMES, help=f"default: {','.join(NAMES)}")
    parser.add_argument("--modes", type=list_of(list(MODES)), default=list(MODES), help="default: bulk,rr,crr")
    parser.add_argument("--rounds", type=positive(int), default=9, help="default 9")
    parser.add_argument("--seconds", type=positive(float), default=3.0, help="of one run (default 3)")
    parser.add_argument("--at-a-time", type=positive(int), default=100, help="connections of rr and crr (default 100)")
    parser.add_argument("--size", type=positive(int), default=64, help="bytes of a request (default 64)")
    parser.add_argument("--server-processes", type=positive(int), default=2, help="bare, nginx (default 2)")
    parser.add_argument("--guests-processes", type=positive(int), default=1, help="of the client (default 1)")
    parser.add_argument("--output", default="bench-relay.json", help="everything as JSON (default bench-relay.json)")
    return parser.parse_args(arguments)


class RelayBench(Bench):
    def __init__(self, options, fleet):
        self.asked = options
        super().__init__(argparse.Namespace(**vars(options)), None)
        self.fleet = fleet

    def options_of(self, mode):
        bulk = mode == "bulk"
        self.options.at_a_time = BULK_CONNECTIONS if bulk else self.asked.at_a_time
        self.options.size = BULK_WRITE if bulk else self.asked.size
        return [MODES[mode][0]], [MODES[mode][1]]

    def one_run(self, mode, port, seconds):
        before = self.fleet.cpu_seconds(port)
        run = super().one_run(mode, port, seconds)
        found = run["guests"]
        count = found["ok"]
        if mode == "bulk":
            count = found["received_bytes"] / 2**20
            run["per_second"] = count / found["seconds"]
        run["cpu_us_per_operation"] = (self.fleet.cpu_seconds(port) - before) * 1e6 / max(count, 1)
        return run


def main(arguments):
    options = parse_arguments(arguments)
    try:
        settings = {"rounds": options.rounds, "seconds": options.seconds, "at a time": options.at_a_time,
                    "bytes": options.size, "bulk connections": BULK_CONNECTIONS, "bytes of a bulk write": BULK_WRITE,
                    "server processes": options.server_processes, "client processes": options.guests_processes}
        programs = argparse.Namespace(build=options.build, servers=[*options.servers, "handoff"])
        result = {"machine": describe(versions(programs)), "settings": settings,
                  "references": ["haproxy", "haproxy-tuned"], "modes": {}}
        with tempfile.TemporaryDirectory(prefix="portier-bench-") as directory:
            with RelayFleet(options.build, directory, options.server_processes) as fleet:
                bench = RelayBench(options, fleet)
                ports = {name: fleet.start(name) for name in options.servers}
                for mode in options.modes:
                    result["modes"][mode] = bench.rounds(mode, ports)
    except (Missing, RuntimeError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    pathlib.Path(options.output).write_text(json.dumps(result, indent=1) + "\n")
    print(report(result), end="")
    failures = sum(run["failures"] for rounds in result["modes"].values() for one in rounds for run in one.values())
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
