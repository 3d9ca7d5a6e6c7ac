"""What one looks at first."""

from generator.panels import GOOD_WHEN_ZERO, stat, timeseries

ACCEPTED = "sum (rate(portier_connections_accepted_total{PORT}[RATE]) OF_HANDLER)"
REJECTED = "sum (rate(portier_connections_rejected_total{PORT}[RATE]) OF_HANDLER)"
CLOSED = "sum (rate(portier_connections_closed_total{PORT}[RATE]) OF_HANDLER)"
OPEN_BY_HANDLER = (
    "sum by (handler) (portier_connections_active{PORT}"
    ' * on (job, instance, port) group_left (handler) portier_port_info{PORT, handler=~"$handler"})')
# A handler that is started on demand and has no process at all is fine.
NOT_READY = (
    'count(sum by (job, instance, handler) (portier_handler_processes{HANDLER, state="ready"}) == 0'
    " and sum by (job, instance, handler) (portier_handler_processes{HANDLER}) > 0) or vector(0)")


def panels():
    return [
        (3, 4, stat(
            "Up", "Whether Prometheus can read the metrics of each instance.", "none",
            {"{{instance}}": "up{INSTANCE}"},
            words={0: ("down", "red"), 1: ("up", "green")})),
        (3, 4, stat(
            "Version", "The versions that run; more than one is an upgrade that is not finished.", "none",
            {"{{version}}": "count by (version) (portier_build_info{INSTANCE})"}, text="name")),
        (3, 4, stat(
            "Generation", "Grows by one with every configuration put in force.", "none",
            {"{{instance}}": "portier_config_generation{INSTANCE}"})),
        (3, 4, stat(
            "Last reload", "Refused: the configuration before it is still in force; portier check says why.", "none",
            {"{{instance}}": "portier_config_last_reload_successful{INSTANCE}"},
            words={0: ("refused", "red"), 1: ("good", "green")})),
        (3, 4, stat(
            "Connections open", "Now, on the chosen ports, wherever they are held.", "short",
            {"open": "sum (portier_connections_active{PORT} OF_HANDLER)"}, graph=True)),
        (3, 4, stat(
            "Connections per second", "Accepted on the chosen ports.", "cps", {"accepted": ACCEPTED}, graph=True)),
        (3, 4, stat(
            "Rejected per second", "Turned away on the chosen ports, for any reason.", "cps", {"rejected": REJECTED},
            thresholds=GOOD_WHEN_ZERO, graph=True)),
        (3, 4, stat(
            "Handlers not ready", "Handlers that should run and have no ready process: nobody serves their ports.",
            "short", {"handlers": NOT_READY}, thresholds=GOOD_WHEN_ZERO)),
        (12, 8, timeseries(
            "Coming and going", "Connections accepted, ended and turned away, of the chosen ports.", "cps",
            {"accepted": ACCEPTED, "ended": CLOSED, "rejected": REJECTED})),
        (12, 8, timeseries(
            "Connections open by handler", "Of the chosen ports, by the handler that serves them.", "short",
            {"{{handler}}": OPEN_BY_HANDLER}, stacked=True)),
    ]
