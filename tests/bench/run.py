#!/usr/bin/env python3
"""Compares portier's handoff with a bare accept loop, HAProxy and nginx, interleaved (README.md)."""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from machine import CpuTime, describe
from servers import NAMES, Fleet, Missing, pinned, program
from statistics_of_rounds import order_of_round
from table import report

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODES = {"crr": "--concurrency", "rr": "--connections"}  # and what the number at a time is called there


def list_of(known):
    """The type of an option: names out of these."""
    def parse(text):
        chosen = text.split(",")
        unknown = [name for name in chosen if name not in known]
        if unknown or len(set(chosen)) != len(chosen):
            raise argparse.ArgumentTypeError(f"'{text}': a list without repetition of {', '.join(known)}")
        return chosen
    return parse


def positive(kind):
    def parse(text):
        value = kind(text)
        if value <= 0:
            raise argparse.ArgumentTypeError(f"'{text}' is not positive")
        return value
    return parse


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=ROOT / "build", help="build folder (default: build)")
    parser.add_argument("--servers", type=list_of(NAMES), default=NAMES, help=f"default: {','.join(NAMES)}")
    parser.add_argument("--modes", type=list_of(list(MODES)), default=list(MODES), help="default: crr,rr")
    parser.add_argument("--rounds", type=positive(int), default=9, help="default 9")
    parser.add_argument("--seconds", type=positive(float), default=3.0, help="of one run (default 3)")
    parser.add_argument("--at-a-time", type=positive(int), default=100, help="connections (default 100)")
    parser.add_argument("--size", type=positive(int), default=64, help="bytes of a request (default 64)")
    parser.add_argument("--server-processes", type=positive(int), default=2, help="bare, echo, nginx (default 2)")
    parser.add_argument("--guests-processes", type=positive(int), default=1, help="of the client (default 1)")
    parser.add_argument("--pin", action="store_true", help="the client on the first CPU, the servers on the others")
    parser.add_argument("--output", default="bench.json", help="everything as JSON (default bench.json)")
    return parser.parse_args(arguments)


def cpus_of(options):
    """(CPUs of the client, CPUs of the servers); None: all."""
    if not options.pin:
        return None, None
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise RuntimeError("--pin needs two CPUs")
    return cpus[:1], cpus[1:]


class Bench:
    def __init__(self, options, cpus):
        self.options = options
        self.cpus = cpus  # of the client; None: all
        self.guests = program("guests", [pathlib.Path(options.build) / "tests/guests/guests"])

    def options_of(self, mode):
        """Options of guests before the target and behind it; the last one takes the number at a time."""
        return [mode], [MODES[mode]]

    def one_run(self, mode, port, seconds):
        options = self.options
        before, behind = self.options_of(mode)
        command = [self.guests, *before, f"127.0.0.1:{port}", *behind, options.at_a_time, "--size", options.size,
                   "--processes", options.guests_processes, "--duration", f"{int(seconds * 1000)}ms", "-o", "json"]
        cpu = CpuTime()
        done = subprocess.run(pinned(map(str, command), self.cpus), capture_output=True, text=True,
                              timeout=seconds + 120, check=False)
        busy, steal = cpu.since()
        if done.returncode not in (0, 1):
            raise RuntimeError(f"guests: exit {done.returncode}: {done.stderr}")
        found = json.loads(done.stdout)
        return {
            "per_second": found["ok_per_second"],
            "p50_us": found["response_us"]["p50"],
            "p99_us": found["response_us"]["p99"],
            "failures": found["failures"]["total"] + found["broken_processes"],
            "cpu_us_per_operation": busy * 1e6 / max(found["ok"], 1),
            "steal": steal,
            "guests": found,
        }

    def rounds(self, mode, ports):
        for name, port in ports.items():
            self.one_run(mode, port, min(0.5, self.options.seconds))  # warm, not counted
        measured = []
        for number in range(self.options.rounds):
            runs = {}
            for name in order_of_round(ports, number):
                runs[name] = self.one_run(mode, ports[name], self.options.seconds)
                print(f"{mode} round {number + 1}/{self.options.rounds} {name}: {runs[name]['per_second']:,.0f}/s",
                      file=sys.stderr, flush=True)
            measured.append({name: runs[name] for name in ports})
        return measured


def versions(options):
    build = pathlib.Path(options.build)
    commands = {}
    if "handoff" in options.servers:
        commands["portier"] = [program("portier", [build / "router/portier", build / "portier"]), "version"]
    if any(name.startswith("haproxy") for name in options.servers):
        commands["haproxy"] = [program("haproxy"), "-v"]
    if "nginx" in options.servers:
        commands["nginx"] = [program("nginx"), "-v"]
    return commands


def settings(options):
    client_cpus, server_cpus = cpus_of(options)
    return {
        "pinning": f"client on CPU {client_cpus} and servers on {server_cpus}" if options.pin else "none",
        "rounds": options.rounds, "seconds": options.seconds, "at a time": options.at_a_time, "bytes": options.size,
        "server processes": options.server_processes, "client processes": options.guests_processes,
    }


def main(arguments):
    options = parse_arguments(arguments)
    try:
        client_cpus, server_cpus = cpus_of(options)
        bench = Bench(options, client_cpus)
        result = {"machine": describe(versions(options)), "settings": settings(options), "modes": {}}
        with tempfile.TemporaryDirectory(prefix="portier-bench-") as directory:
            with Fleet(options.build, directory, options.server_processes, server_cpus) as fleet:
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
