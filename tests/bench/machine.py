"""What the result depends on: the machine, its kernel, the versions, and the CPU time of the whole machine."""

import os
import pathlib
import platform
import subprocess
import time


def first_line(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return (done.stdout + done.stderr).strip().splitlines()[0]


def describe(versions):
    """`versions` maps a name to the command that prints its version."""
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text()
    models = [line.split(":", 1)[1].strip() for line in cpuinfo.splitlines() if line.startswith("model name")]
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cpu": models[0] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory": f"{pages / 2**30:.0f} GiB",
        "kernel": platform.release(),
        **{name: first_line(command) for name, command in versions.items()},
    }


class CpuTime:
    """CPU time of the whole machine between two points, from /proc/stat."""

    def __init__(self):
        self.begin = self._read()

    @staticmethod
    def _read():
        fields = pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
        return [int(field) for field in fields]  # user nice system idle iowait irq softirq steal

    def since(self):
        """(busy seconds, share of steal)"""
        user, nice, system, idle, iowait, irq, softirq, steal = (b - a for a, b in zip(self.begin, self._read()))
        busy = user + nice + system + irq + softirq
        total = busy + idle + iowait + steal
        return busy / os.sysconf("SC_CLK_TCK"), steal / total if total else 0.0
