"""The four kinds of panels. Units: Grafana's names (cps: per second, percentunit: 0 to 1, s, bytes, Bps, short)."""

from generator.query import DATASOURCE, targets

NEWEST = {"calcs": ["lastNotNull"], "fields": "", "values": False}


def panel(kind, title, description, unit, queries, instant=False):
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "options": {},
        "targets": targets(queries, instant),
    }


def steps(*limits):
    """steps(("green", None), ("red", 0.9)): the colour from each limit on."""
    return {"mode": "absolute", "steps": [{"color": color, "value": value} for color, value in limits]}


GOOD_WHEN_ZERO = steps(("green", None), ("red", 0.001))
SHARE = steps(("green", None), ("orange", 0.7), ("red", 0.9))


def timeseries(title, description, unit, queries, style="line", stacked=False, most=None, if_none=None):
    """style bars: for events. most: the end of the scale. if_none: what an empty panel says."""
    result = panel("timeseries", title, description, unit, queries)
    result["fieldConfig"]["defaults"] |= {
        "min": 0,
        "color": {"mode": "palette-classic"},
        "custom": {
            "drawStyle": style,
            "fillOpacity": 60 if style == "bars" else 10,
            "lineWidth": 1,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        },
    }
    if most is not None:
        result["fieldConfig"]["defaults"]["max"] = most
    if if_none:
        result["fieldConfig"]["defaults"]["noValue"] = if_none
    result["options"] = {
        "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return result


def stat(title, description, unit, queries, thresholds=None, words=None, text="auto", graph=False):
    """words: {value: (text, colour)}. text name: show the legend instead of the value. graph: draw its course below."""
    result = panel("stat", title, description, unit, queries)
    result["fieldConfig"]["defaults"] |= {
        "color": {"mode": "thresholds"},
        "thresholds": thresholds or steps(("blue", None)),
        "mappings": [{
            "type": "value",
            "options": {str(value): {"text": word, "color": color, "index": index}
                        for index, (value, (word, color)) in enumerate((words or {}).items())},
        }] if words else [],
    }
    result["options"] = {
        "reduceOptions": NEWEST,
        "colorMode": "value",
        "graphMode": "area" if graph else "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": text,
    }
    return result


def bars(title, description, unit, queries, thresholds=None, most=None, if_none=None):
    """The newest value of each series, as a horizontal bar."""
    result = panel("bargauge", title, description, unit, queries)
    defaults = {"min": 0, "color": {"mode": "thresholds"}, "thresholds": thresholds or steps(("blue", None))}
    if most is not None:
        defaults["max"] = most
    if if_none:
        defaults["noValue"] = if_none
    result["fieldConfig"]["defaults"] |= defaults
    result["options"] = {
        "reduceOptions": NEWEST,
        "displayMode": "gradient",
        "orientation": "horizontal",
        "showUnfilled": True,
        "valueMode": "color",
    }
    return result


def table(title, description, columns, by):
    """columns: {name: (query, unit)}; one line for each combination of the labels `by`."""
    result = panel("table", title, description, "short", {name: query for name, (query, _) in columns.items()}, True)
    values = [f"Value #{target['refId']}" for target in result["targets"]]
    names = dict(zip(values, columns))
    result["fieldConfig"]["overrides"] = [{
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": "unit", "value": unit}],
    } for name, (_, unit) in columns.items() if unit]
    hidden = ["Time"] + [value for value, (_, unit) in zip(values, columns.values()) if not unit]
    order = [*by, *values]
    result["transformations"] = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {
            "excludeByName": {name: True for name in hidden},
            "indexByName": {name: index for index, name in enumerate(order)},
            "renameByName": {value: name for value, name in names.items() if value not in hidden},
        }},
    ]
    result["options"] = {"showHeader": True, "cellHeight": "sm"}
    return result
