"""Measures servers with guests, round after round, each server in each round."""

import json
import pathlib
import subprocess
import sys

from machine import CpuTime
from servers import pinned, program
from statistics_of_rounds import order_of_round


class Bench:
    def __init__(self, options, comparison, fleet, cpus):
        self.options = options
        self.comparison = comparison
        self.fleet = fleet
        self.cpus = cpus  # of the client; None: all
        self.guests = program("guests", [pathlib.Path(options.build) / "tests/guests/guests"])

    def rounds(self, name, ports):
        mode = self.comparison.modes[name]
        ports = {server: port for server, port in ports.items() if server not in mode.without}
        for port in ports.values():
            self.one_run(mode, port, min(0.5, self.options.seconds))  # warm, not counted
        measured = []
        for number in range(self.options.rounds):
            runs = {}
            for server in order_of_round(ports, number):
                runs[server] = self.one_run(mode, ports[server], self.options.seconds)
                print(f"{name} round {number + 1}/{self.options.rounds} {server}: "
                      f"{runs[server]['per_second']:,.0f}/s", file=sys.stderr, flush=True)
            measured.append({server: runs[server] for server in ports})
        return measured

    def one_run(self, mode, port, seconds):
        own_before, cpu = self.fleet.cpu_seconds(port), CpuTime()
        found = self.ask_guests(mode, port, seconds)
        busy, steal = cpu.since()
        if self.comparison.counts_own_cpu:
            busy = self.fleet.cpu_seconds(port) - own_before
        count = found["received_bytes"] / 2**20 if mode.in_mib else found["ok"]
        return {
            "per_second": count / found["seconds"],
            "p50_us": found["response_us"]["p50"],
            "p99_us": found["response_us"]["p99"],
            "failures": found["failures"]["total"] + found["broken_processes"],
            "cpu_us_per_operation": busy * 1e6 / max(count, 1),
            "steal": steal,
            "guests": found,
        }

    def ask_guests(self, mode, port, seconds):
        options = self.options
        command = [self.guests, mode.command, f"127.0.0.1:{port}", *mode.options, mode.at_a_time or options.at_a_time,
                   "--size", mode.size or options.size, "--processes", options.guests_processes,
                   "--duration", f"{int(seconds * 1000)}ms", "-o", "json"]
        done = subprocess.run(pinned(map(str, command), self.cpus), capture_output=True, text=True,
                              timeout=seconds + 120, check=False)
        if done.returncode not in (0, 1):
            raise RuntimeError(f"guests: exit {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)
