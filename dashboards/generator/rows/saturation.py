"""What is about to run out, and what has gone wrong."""

from generator.panels import SHARE, bars, stat, timeseries

ACCEPT_QUEUE = "portier_accept_queue_length{PORT} / (portier_accept_queue_limit{PORT} > 0) OF_HANDLER"
CONNECTIONS = "portier_connections_active{PORT} / (portier_connections_limit{PORT} > 0) OF_HANDLER"
DROPPED = "sum by (port, reason) (rate(portier_datagrams_dropped_total{PORT}[RATE]) OF_HANDLER)"


def panels():
    return [
        (8, 8, timeseries(
            "Accept queue", "How full the kernel's queue of a port is; when it is full, clients have to try again.",
            "percentunit", {"{{instance}} {{port}}": ACCEPT_QUEUE}, most=1)),
        (8, 8, bars(
            "Connections of the limit", "Open connections as a share of max_connections, of ports that have one.",
            "percentunit", {"{{instance}} {{port}}": CONNECTIONS},
            thresholds=SHARE, most=1, if_none="no port has a limit")),
        (8, 8, timeseries(
            "Descriptors of the limit",
            "Of portier's own processes; the router holds no connection, so this hardly grows.", "percentunit",
            {"{{instance}} {{role}}": "process_open_fds{INSTANCE} / process_max_fds{INSTANCE}"}, most=1)),
        (8, 8, timeseries(
            "Datagrams dropped",
            "queue_full: lost in the kernel, because nobody read fast enough; else the router's, and why.", "cps",
            {"{{port}} {{reason}}": DROPPED}, if_none="no UDP port")),
        (8, 8, timeseries(
            "Router restarts", "No connection is lost by one; but each is a defect, the log tells of it.", "short",
            {"{{instance}} {{reason}}": "increase(portier_router_restarts_total{INSTANCE}[RATE])"}, style="bars")),
        (8, 8, timeseries(
            "Recounts",
            "Times the counts were set right by a dump, after the kernel's events overran or the router died.", "short",
            {"{{instance}}": "increase(portier_accounting_resyncs_total{INSTANCE}[RATE])"}, style="bars")),
        (16, 6, timeseries(
            "Reloads", "Asked for, by outcome; failed: the new configuration was refused.", "short",
            {"{{instance}} {{result}}": "increase(portier_config_reloads_total{INSTANCE}[RATE])"}, style="bars")),
        (8, 6, stat(
            "In force since", "When the configuration was last changed.", "dateTimeFromNow",
            {"{{instance}}": "portier_config_last_reload_success_timestamp_seconds{INSTANCE} * 1000"})),
    ]
