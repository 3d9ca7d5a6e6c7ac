"""Queries, written shorter than Grafana wants them.

INSTANCE, PORT and HANDLER stand for the labels that the dashboard's variables choose, OF_HANDLER keeps the ports of the
chosen handlers, RATE is the window of a rate. Example: sum by (port) (rate(portier_sent_bytes_total{PORT}[RATE]))
"""

import re

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

INSTANCE = 'job=~"$job", instance=~"$instance"'
PORT = f'{INSTANCE}, port=~"$port"'
HANDLER = f'{INSTANCE}, handler=~"$handler"'
SHORT_FOR = {
    "INSTANCE": INSTANCE,
    "PORT": PORT,
    "HANDLER": HANDLER,
    "OF_HANDLER": f'and on (job, instance, port) portier_port_info{{{PORT}, handler=~"$handler"}}',
    "RATE": "$__rate_interval",
}


def promql(text):
    return re.sub(r"\b[A-Z_]{2,}\b", lambda word: SHORT_FOR[word[0]], text)


def targets(queries, instant=False):
    """Of a panel: {legend: query}; a table (instant) needs no legends and reads its columns from the labels."""
    return [{
        "refId": chr(ord("A") + number),
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": promql(query),
        "legendFormat": "" if instant else legend,
        "format": "table" if instant else "time_series",
        "instant": instant,
        "range": not instant,
    } for number, (legend, query) in enumerate(queries.items())]
