from generator.panels import stat, timeseries


def by_role(metric):
    return {"{{instance}} {{role}}": f'{metric}{{INSTANCE}}'}


def panels():
    return [
        (8, 8, timeseries("Processor time of portier", "100 % is one core.", "percentunit",
                          {"{{instance}} {{role}}":
                           'rate(process_cpu_seconds_total{INSTANCE}[RATE])'})),
        (8, 8, timeseries("Resident memory of portier", "Pages of the counters, which both share, are in both.", "bytes",
                          by_role("process_resident_memory_bytes"))),
        (8, 8, timeseries("Virtual memory of portier", "Large on purpose: room for the counters is reserved, not used.",
                          "bytes", by_role("process_virtual_memory_bytes"))),
        (12, 8, timeseries("Descriptors of portier", "Open, and how many may be.", "short",
                           {"{{instance}} {{role}}": 'process_open_fds{INSTANCE}',
                            "{{instance}} {{role}} limit": 'process_max_fds{INSTANCE}'})),
        (12, 8, stat("Age of portier", "Since its processes started; a router younger than its keeper replaced one that "
                     "died.", "s",
                     {"{{instance}} {{role}}": 'time() - process_start_time_seconds{INSTANCE}'})),
    ]
