"""Who comes to each port, and how it ends."""

from generator.panels import table, timeseries


def by_port(metric):
    return f"sum by (instance, port) ({metric}{{PORT}} OF_HANDLER)"


def rate_by(labels, metric):
    return f"sum by ({labels}) (rate({metric}{{PORT}}[RATE]) OF_HANDLER)"


def duration(quantile):
    series = "portier_connection_duration_seconds_bucket"
    return f"histogram_quantile({quantile}, sum by (port, le) (rate({series}{{PORT}}[RATE]) OF_HANDLER))"


def street():
    labels = ["instance", "port", "protocol", "handler", "delivery"]
    info = f"max by ({', '.join(labels)}) (portier_port_info{{PORT, handler=~\"$handler\"}})"
    columns = {
        "info": (info, None),
        "open": (by_port("portier_connections_active"), "short"),
        "limit": (by_port("portier_connections_limit"), "short"),
        "accepted": (rate_by("instance, port", "portier_connections_accepted_total"), "cps"),
        "rejected": (rate_by("instance, port", "portier_connections_rejected_total"), "cps"),
        "received": (rate_by("instance, port", "portier_received_bytes_total"), "Bps"),
        "sent": (rate_by("instance, port", "portier_sent_bytes_total"), "Bps"),
    }
    return table(
        "The street", "Every port, who serves it and how; limit 0 is no limit. A UDP port has no connections.",
        columns, by=labels)


def panels():
    return [
        (24, 8, street()),
        (8, 8, timeseries(
            "Connections open by port", "Now, wherever they are held.", "short",
            {"{{port}}": "sum by (port) (portier_connections_active{PORT} OF_HANDLER)"})),
        (8, 8, timeseries(
            "Accepted by port", "By the router, or by the process itself (inherit).", "cps",
            {"{{port}}": rate_by("port", "portier_connections_accepted_total")})),
        (8, 8, timeseries(
            "Rejected by port and reason",
            "Turned away: beyond a limit or rate, denied, without a good PROXY header, given up by the client before it was "
            "accepted (aborted), or out of descriptors (error).", "cps",
            {"{{port}} {{reason}}": rate_by("port, reason", "portier_connections_rejected_total") + " > 0"},
            if_none="nothing rejected")),
        (8, 8, timeseries(
            "Ended by reason",
            "Who ended the connections: the client or the handler, in good order or by a reset; a relay: nobody was there "
            "or had room; unknown: the kernel's word was lost.", "cps",
            {"{{reason}}": rate_by("reason", "portier_connections_closed_total")}, stacked=True)),
        (8, 8, timeseries(
            "Duration of connections",
            "From accept to end, of connections that ended: half, and all but one in a hundred, were shorter.", "s",
            {"{{port}} p50": duration(0.5), "{{port}} p99": duration(0.99)}, if_none="no connection ended")),
        (8, 8, timeseries(
            "Bytes", "Counted when a connection ends, all of it at once.", "Bps",
            {"{{port}} received": rate_by("port", "portier_received_bytes_total"),
             "{{port}} sent": rate_by("port", "portier_sent_bytes_total")})),
    ]
