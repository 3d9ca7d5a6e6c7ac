"""The table of metrics in README.md, between two marks."""

BEGIN = "<!-- metrics: made by generate.py -->\n"
END = "<!-- metrics: end -->\n"


def row(metric):
    labels = " ".join(f"`{label}`" for label in metric["labels"])
    return f"| `{metric['name']}` | {metric['type']} | {labels} | {metric['help']} |\n"


def with_metrics(readme, metrics):
    before, _, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"README.md has lost its marks {BEGIN.strip()} and {END.strip()}")
    head = "| metric | type | labels | meaning |\n|---|---|---|---|\n"
    return before + BEGIN + head + "".join(map(row, metrics)) + END + after
