"""What the router knows of UDP, where it reads the port itself."""

from generator.panels import timeseries
from generator.rows.ports import rate_by

NONE = "no UDP port that the router reads"


def panels():
    return [
        (8, 8, timeseries(
            "Flows open by port", "Known now; a flow is the datagrams of one client address.", "short",
            {"{{port}}": "sum by (port) (portier_flows_active{PORT} OF_HANDLER)"}, if_none=NONE)),
        (8, 8, timeseries(
            "Flows created and ended",
            "Ended: nothing came for flow_idle (idle), a newer one needed the room (evicted), or the handler closed it.",
            "cps", {"{{port}} created": rate_by("port", "portier_flows_created_total"),
                    "{{port}} {{reason}}": rate_by("port, reason", "portier_flows_closed_total") + " > 0"},
            if_none=NONE)),
        (8, 8, timeseries(
            "Datagrams", "That the router read and passed on; of a flow that was handed off only the first ones.", "cps",
            {"{{port}} received": rate_by("port", "portier_datagrams_received_total"),
             "{{port}} sent": rate_by("port", "portier_datagrams_sent_total")}, if_none=NONE)),
    ]
