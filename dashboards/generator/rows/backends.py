"""Where relays connect to, and how processes for one connection each end."""

from generator.panels import timeseries

NONE = "no relay"


def by_backend(metric):
    return f"sum by (handler, backend) ({metric}{{HANDLER}})"


def rate_by(labels, metric):
    return f"sum by ({labels}) (rate({metric}{{HANDLER}}[RATE]))"


def panels():
    return [
        (8, 8, timeseries(
            "Backends up", "1: gets connections; 0: failed its checks, or is passed over after failures.", "short",
            {"{{handler}} {{backend}}": "min by (handler, backend) (portier_backend_up{HANDLER})"}, most=1,
            if_none=NONE)),
        (8, 8, timeseries(
            "Connections by backend", "Open now, flows too; shows how evenly they are spread.", "short",
            {"{{handler}} {{backend}}": by_backend("portier_backend_connections_active")}, if_none=NONE)),
        (8, 8, timeseries(
            "Given to backends", "Connections and flows.", "cps",
            {"{{handler}} {{backend}}": rate_by("handler, backend", "portier_backend_connections_total")},
            if_none=NONE)),
        (8, 8, timeseries(
            "Backend failures", "A connection was refused, timed out or could not be made, or a health check failed.",
            "cps", {"{{handler}} {{backend}} {{reason}}":
                    rate_by("handler, backend, reason", "portier_backend_failures_total") + " > 0"},
            if_none="no failure")),
        (8, 8, timeseries(
            "Waiting for a backend", "Connections in portier's own queue, because every backend is at its limit.",
            "short", {"{{handler}}": "sum by (handler) (portier_handler_queue_length{HANDLER})"}, if_none=NONE)),
        (8, 8, timeseries(
            "Ends of spawned processes", "Of handlers with a process for each connection, by exit code.", "cps",
            {"{{handler}} {{code}}": rate_by("handler, code", "portier_handler_exits_total") + " > 0"},
            if_none="none ended")),
    ]
