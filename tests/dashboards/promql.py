"""As much of PromQL as the tests need: which series a query selects, inside of what, and which labels it names."""

import dataclasses
import re

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[a-zA-Z_:][\w:]*|\[[^\]]*\]|=~|!=|!~|\S')
NAME = re.compile(r"[a-zA-Z_:]")
GROUPING = {"by", "without", "on", "ignoring", "group_left", "group_right"}
KEYWORDS = {"and", "or", "unless", "bool", "offset"}
AGGREGATIONS = {"sum", "min", "max", "avg", "count", "topk", "bottomk", "quantile"}


@dataclasses.dataclass
class Selector:
    metric: str
    matchers: dict  # label: operator and text, for example '=~"a|b"'
    window: str  # of a range, without its brackets, or ""
    inside: str  # the function it stands in, or ""


@dataclasses.dataclass
class Query:
    selectors: list
    grouping: set  # labels in by, without, on, group_left ...


def parse(text):
    tokens = TOKEN.findall(text) + ["", ""]
    query, calls, at = Query([], set()), [], 0
    while at < len(tokens):
        token, following = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else ""
        at += 1
        if token in GROUPING:
            end = tokens.index(")", at)
            query.grouping |= {label for label in tokens[at + 1:end] if label != ","}
            at = end + 1
        elif token == "(":
            calls.append("")
        elif token == ")":
            calls.pop()
        elif NAME.match(token) and following == "(" and token not in KEYWORDS:
            calls.append(token)
            at += 1
        elif NAME.match(token) and token not in KEYWORDS | AGGREGATIONS:
            at, selector = parse_selector(tokens, at - 1)
            selector.inside = calls[-1] if calls else ""
            query.selectors.append(selector)
    return query


def parse_selector(tokens, at):
    selector = Selector(tokens[at], {}, "", "")
    at += 1
    if tokens[at] == "{":
        end = tokens.index("}", at)
        inner = [token for token in tokens[at + 1:end] if token != ","]
        for label, operator, value in zip(inner[::3], inner[1::3], inner[2::3]):
            selector.matchers[label] = operator + value
        at = end + 1
    if tokens[at].startswith("["):
        selector.window = tokens[at][1:-1]
        at += 1
    return at, selector


def metric_of(series, metrics):
    """The metric that a series name belongs to; a histogram has three series and none of its own name."""
    for suffix in ("_bucket", "_sum", "_count"):
        base = series.removesuffix(suffix)
        if base != series and metrics.get(base, {}).get("type") == "histogram":
            return base
    return series
