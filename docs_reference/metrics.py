"""The page of all metrics, from the list that a study's response is checked against."""

from ablate.measurement.metrics import METRICS

INTRODUCTION = """# All metrics

`python -m docs_reference` writes this page from the code. Each of these names can be the metric of a study's response:
`response: {metric: mse}`. [How the ghost is measured](../metric.md) defines the ghost ratio.

| name | metric | unit | least | most | better |
|---|---|---|---|---|---|
"""
BETTER = {True: "higher", False: "lower", None: "neither"}


def metrics_page() -> str:
    """Return the page in Markdown: a row for each metric."""
    rows = (
        f"| `{name}` | {metric.title} | {metric.unit} | {metric.low:g} | {metric.high:g} "
        f"| {BETTER[metric.higher_is_better]} |\n"
        for name, metric in METRICS.items()
    )
    return INTRODUCTION + "".join(rows)
