"""What portier's own two processes use."""

from generator.panels import stat, timeseries

WHO = "{{instance}} {{role}}"


def panels():
    return [
        (8, 8, timeseries(
            "Processor time of portier", "100 % is one core.", "percentunit",
            {WHO: "rate(process_cpu_seconds_total{INSTANCE}[RATE])"})),
        (8, 8, timeseries(
            "Resident memory of portier", "Pages of the counters, which both share, are in both.", "bytes",
            {WHO: "process_resident_memory_bytes{INSTANCE}"})),
        (8, 8, timeseries(
            "Virtual memory of portier", "Large on purpose: room for the counters is reserved, not used.", "bytes",
            {WHO: "process_virtual_memory_bytes{INSTANCE}"})),
        (12, 8, timeseries(
            "Descriptors of portier", "Open, and how many may be.", "short",
            {WHO: "process_open_fds{INSTANCE}", f"{WHO} limit": "process_max_fds{INSTANCE}"})),
        (12, 8, stat(
            "Age of portier",
            "Since its processes started; a router younger than its keeper replaced one that died.", "s",
            {WHO: "time() - process_start_time_seconds{INSTANCE}"})),
    ]
