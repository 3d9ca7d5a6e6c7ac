"""The measured rounds as markdown."""

import statistics

from statistics_of_rounds import median_with_interval, ratios

WHAT = {"crr": "connect + 1 echo + close, connections/s", "rr": "echo on established connections, messages/s",
        "bulk": "bytes through an echo on few connections, MiB/s (an operation is 1 MiB)",
        "udp": "echo of a datagram on established flows, replies/s", "udp-new": "a new flow for each echo, replies/s"}


def interval(values):
    median, low, high = median_with_interval(values)
    return f"{median:.2f} ({low:.2f}-{high:.2f})"


def row(rounds, name, references):
    mine = [one[name] for one in rounds]
    rates = [run["per_second"] for run in mine]
    cells = [name, f"{statistics.median(rates):,.0f}"]
    for reference in references:
        others = [one[reference]["per_second"] for one in rounds]
        cells.append("1" if reference == name else interval(ratios(rates, others)))
    cells += [f"{statistics.median(run[key] for run in mine):,.0f}" for key in ("p50_us", "p99_us")]
    cells += [f"{statistics.median(run['cpu_us_per_operation'] for run in mine):.1f}"]
    cells += [str(sum(run["failures"] for run in mine))]
    return "| " + " | ".join(cells) + " |"


def table(mode, rounds, compared):
    """`rounds` is a list of {server name: one run}; ratios are taken to those of `compared`."""
    names = sorted(rounds[0], key=lambda name: list(rounds[0]).index(name))
    references = [name for name in compared if name in names]
    head = ["server", "median", *(f"times {name} (95 %)" for name in references), "p50 us", "p99 us",
            "CPU us/op", "failed"]
    lines = [f"{WHAT.get(mode, mode)}:", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + [row(rounds, name, references) for name in names])


def report(result):
    machine = "\n".join(f"- {key}: {value}" for key, value in result["machine"].items())
    settings = ", ".join(f"{key} {value}" for key, value in result["settings"].items())
    stolen = [run["steal"] for rounds in result["modes"].values() for one in rounds for run in one.values()]
    note = f"- runs with more than 1 % of the CPU stolen by the host: {sum(share > 0.01 for share in stolen)}"
    compared = result.get("references", ["bare", "haproxy"])
    tables = [table(mode, rounds, compared) for mode, rounds in result["modes"].items()]
    return "\n\n".join([f"{machine}\n- settings: {settings}\n{note} of {len(stolen)}", *tables]) + "\n"
