#!/usr/bin/env python3
"""Compares portier with its peers on this machine, interleaved (README.md)."""

import argparse
import json
import os
import pathlib
import sys
import tempfile

from bench import Bench
from comparisons import COMPARISONS
from machine import describe
from servers import Missing, program
from table import report

ROOT = pathlib.Path(__file__).resolve().parents[2]


def positive(kind):
    def parse(text):
        value = kind(text)
        if value <= 0:
            raise argparse.ArgumentTypeError(f"'{text}' is not positive")
        return value
    return parse


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("comparison", nargs="?", choices=COMPARISONS, default="handoff",
                        help="; ".join(f"{name}: {one.about}" for name, one in COMPARISONS.items()))
    parser.add_argument("--build", default=ROOT / "build", help="build folder (default: build)")
    parser.add_argument("--servers", help="default: all of the comparison")
    parser.add_argument("--modes", help="default: all of the comparison")
    parser.add_argument("--rounds", type=positive(int), default=9, help="default 9")
    parser.add_argument("--seconds", type=positive(float), default=3.0, help="of one run (default 3)")
    parser.add_argument("--at-a-time", type=positive(int), default=100, help="connections or flows (default 100)")
    parser.add_argument("--size", type=positive(int), default=64, help="bytes of a request (default 64)")
    parser.add_argument("--server-processes", type=positive(int), default=2, help="bare, echo, nginx (default 2)")
    parser.add_argument("--guests-processes", type=positive(int), default=1, help="of the client (default 1)")
    parser.add_argument("--pin", action="store_true", help="the client on the first CPU, the servers on the others")
    parser.add_argument("--output", help="everything as JSON (default bench-<comparison>.json)")
    options = parser.parse_args(arguments)
    comparison = COMPARISONS[options.comparison]
    options.servers = names_out_of(comparison.servers, options.servers, parser)
    options.modes = names_out_of(list(comparison.modes), options.modes, parser)
    options.output = options.output or f"bench-{options.comparison}.json"
    return options, comparison


def names_out_of(known, text, parser):
    """The names in a list with commas; all of them if there is none."""
    chosen = text.split(",") if text is not None else known
    if len(set(chosen)) != len(chosen) or not set(chosen) <= set(known):
        parser.error(f"'{text}': a list without repetition of {', '.join(known)}")
    return chosen


def cpus_of(options):
    """(CPUs of the client, CPUs of the servers); None: all."""
    if not options.pin:
        return None, None
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise RuntimeError("--pin needs two CPUs")
    return cpus[:1], cpus[1:]


def versions(options):
    build = pathlib.Path(options.build)
    commands = {}
    if {"handoff", "relay"} & set(options.servers):
        commands["portier"] = [program("portier", [build / "router/portier", build / "portier"]), "version"]
    if any(name.startswith("haproxy") for name in options.servers):
        commands["haproxy"] = [program("haproxy"), "-v"]
    if "nginx" in options.servers:
        commands["nginx"] = [program("nginx"), "-v"]
    return commands


def settings(options, comparison):
    client_cpus, server_cpus = cpus_of(options)
    found = {
        "pinning": f"client on CPU {client_cpus} and servers on {server_cpus}" if options.pin else "none",
        "rounds": options.rounds, "seconds": options.seconds, "at a time": options.at_a_time, "bytes": options.size,
        "server processes": options.server_processes, "client processes": options.guests_processes,
    }
    for name in options.modes:
        mode = comparison.modes[name]
        if mode.in_mib:
            found |= {f"{name} connections": mode.at_a_time, f"bytes of a {name} write": mode.size}
    return found


def measure(options, comparison):
    client_cpus, server_cpus = cpus_of(options)
    result = {"machine": describe(versions(options)), "settings": settings(options, comparison),
              "references": list(comparison.references), "modes": {}}
    with tempfile.TemporaryDirectory(prefix="portier-bench-") as directory:
        with comparison.fleet(options.build, directory, options.server_processes, server_cpus) as fleet:
            bench = Bench(options, comparison, fleet, client_cpus)
            ports = {name: fleet.start(name) for name in options.servers}
            for mode in options.modes:
                result["modes"][mode] = bench.rounds(mode, ports)
    return result


def main(arguments):
    options, comparison = parse_arguments(arguments)
    try:
        result = measure(options, comparison)
    except (Missing, RuntimeError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    pathlib.Path(options.output).write_text(json.dumps(result, indent=1) + "\n")
    print(report(result), end="")
    failures = sum(run["failures"] for rounds in result["modes"].values() for one in rounds for run in one.values())
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
