"""A run's scores summed over its clips: all that is needed for means over any of its views and steps."""

import pandas as pd

STEP_COLUMNS = ["view", "measure", "step", "total", "defined", "frames"]


def step_sums(scores: pd.DataFrame) -> pd.DataFrame:
    """Return one row a view, measure and step, in their order (columns of STEP_COLUMNS).

    `scores` has the columns of records.SCORE_COLUMNS. Of the `frames` the measure is `defined` in some, in which its
    values add up to `total`; it is undefined (NaN) in the rest.
    """
    values = scores.astype({"value": float}).groupby(["view", "measure", "step"], sort=False)["value"]
    return values.agg(total="sum", defined="count", frames="size").reset_index()


def mean(sums: pd.DataFrame) -> float:
    """Return the mean over all frames where the measure is defined; NaN where there is none."""
    defined = sums["defined"].sum()
    return float(sums["total"].sum() / defined) if defined else float("nan")
