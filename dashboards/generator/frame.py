"""The dashboard around the rows: its name, variables and annotations."""

from generator.layout import place
from generator.query import DATASOURCE, HANDLER, INSTANCE, promql
from generator.rows import backends, flows, handlers, overview as overview_row, ports, runtime, saturation


def datasource_variable():
    return {"name": "datasource", "label": "Data Source", "type": "datasource", "query": "prometheus", "regex": "",
            "current": {}, "hide": 0, "includeAll": False, "multi": False, "options": [], "refresh": 1}


def variable(name, label, query):
    everything = {"selected": True, "text": ["All"], "value": ["$__all"]}
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"qryType": 1, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "regex": "",
        "sort": 1,
        "refresh": 2,  # when the time range changes: ports and handlers come and go with the configuration
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": everything,
        "options": [],
        "hide": 0,
    }


def variables():
    return [
        datasource_variable(),
        variable("job", "Job", "label_values(portier_build_info, job)"),
        variable("instance", "Instance", 'label_values(portier_build_info{job=~"$job"}, instance)'),
        variable("handler", "Handler", f"label_values(portier_handler_processes{{{INSTANCE}}}, handler)"),
        variable("port", "Port", f"label_values(portier_port_info{{{HANDLER}}}, port)"),
    ]


def annotation(name, color, title, text, query):
    return {"name": name, "datasource": DATASOURCE, "enable": True, "hide": False, "iconColor": color,
            "expr": promql(query), "titleFormat": title, "textFormat": text, "tagKeys": "", "step": ""}


def annotations():
    by_grafana = {"builtIn": 1, "datasource": {"type": "grafana", "uid": "-- Grafana --"}, "enable": True, "hide": True,
                  "iconColor": "rgba(0, 211, 255, 1)", "name": "Annotations & Alerts", "type": "dashboard"}
    return [
        by_grafana,
        annotation("Reloads", "blue", "reload: {{result}}", "{{instance}}",
                   "sum by (instance, result) (increase(portier_config_reloads_total{INSTANCE}[RATE])) > 0"),
        annotation("Router restarts", "red", "the router died ({{reason}})", "{{instance}}",
                   "sum by (instance, reason) (increase(portier_router_restarts_total{INSTANCE}[RATE])) > 0"),
    ]


def overview():
    rows = [
        ("Overview", overview_row.panels()),
        ("Ports", ports.panels()),
        ("Flows", flows.panels()),
        ("Handlers", handlers.panels()),
        ("Backends", backends.panels()),
        ("Saturation", saturation.panels()),
        ("Runtime", runtime.panels()),
    ]
    return {
        "uid": "portier-overview",
        "title": "portier",
        "description": "Ports, handlers and their connections.",
        "tags": ["portier"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "timepicker": {},
        "timezone": "browser",
        "links": [],
        "annotations": {"list": annotations()},
        "templating": {"list": variables()},
        "panels": place(rows),
    }
