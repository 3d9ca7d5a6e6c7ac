"""Whether the processes are there, fast and evenly busy, and what they use."""

from generator.panels import bars, timeseries


def dispatch(quantile):
    series = "portier_dispatch_duration_seconds_bucket"
    return f"histogram_quantile({quantile}, sum by (delivery, le) (rate({series}{{INSTANCE}}[RATE])))"


def panels():
    return [
        (8, 8, timeseries(
            "Processes by state", "ready serves; waiting is the pause before a restart.", "short",
            {"{{handler}} {{state}}": "sum by (handler, state) (portier_handler_processes{HANDLER}) > 0"},
            stacked=True)),
        (8, 8, timeseries(
            "Connections by process", "Open now in each process; shows how evenly they are spread.", "short",
            {"{{handler}} {{process}}": "sum by (handler, process) (portier_handler_connections_active{HANDLER})"})),
        (8, 8, timeseries(
            "Restarts", "Processes started again after they ended unasked, by why they ended.", "short",
            {"{{handler}} {{reason}}":
             "sum by (handler, reason) (increase(portier_handler_restarts_total{HANDLER}[RATE])) > 0"},
            style="bars", if_none="no restarts")),
        (8, 8, timeseries(
            "Time to deliver",
            "From accept until the process or backend has the connection: half, and all but one in a hundred, were faster.",
            "s", {"{{delivery}} p50": dispatch(0.5), "{{delivery}} p99": dispatch(0.99)},
            if_none="nothing delivered")),
        (8, 8, timeseries(
            "Deliveries", "Connections that a process or backend was given by the router.", "cps",
            {"{{delivery}}": "sum by (delivery) (rate(portier_dispatch_duration_seconds_count{INSTANCE}[RATE]))"})),
        (8, 8, bars(
            "Age of processes", "Since each process started; a short bar among long ones was restarted.", "s",
            {"{{handler}} {{process}}":
             "time() - max by (handler, process) (portier_handler_start_time_seconds{HANDLER} > 0)"})),
        (8, 8, timeseries(
            "Processor time", "Of all processes of a handler; 100 % is one core.", "percentunit",
            {"{{handler}}": "sum by (handler) (rate(portier_handler_cpu_seconds_total{HANDLER}[RATE]))"})),
        (8, 8, timeseries(
            "Memory", "Resident memory of all processes of a handler.", "bytes",
            {"{{handler}}": "sum by (handler) (portier_handler_resident_memory_bytes{HANDLER})"})),
        (8, 8, timeseries(
            "Descriptors", "Open in all processes of a handler; each held connection is one.", "short",
            {"{{handler}}": "sum by (handler) (portier_handler_open_fds{HANDLER})"})),
    ]
