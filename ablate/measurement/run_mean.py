"""The mean of one metric over the clips and steps of a run."""

import math

import pandas as pd

STEP_COLUMNS = ["view", "metric", "step", "total", "defined", "frames"]


def step_sums(scores: pd.DataFrame) -> pd.DataFrame:
    """Return one row a view, measure and step, in their order (columns of STEP_COLUMNS).

    `scores` has the columns of records.SCORE_COLUMNS. Of the `frames` the measure is `defined` in some, in which its
    values add up to `total`; it is undefined (NaN) in the rest.
    """
    values = scores.astype({"value": float}).groupby(["view", "metric", "step"], sort=False)["value"]
    return values.agg(total="sum", defined="count", frames="size").reset_index()


def mean(sums: pd.DataFrame) -> float:
    """Return the mean over all frames where the measure is defined; NaN where there is none."""
    defined = sums["defined"].sum()
    return float(sums["total"].sum() / defined) if defined else float("nan")


def mean_score(sums: pd.DataFrame, metric: str, view: str, first_step: int, last_step: int | None) -> float:
    """Return a measure's mean over all clips and the steps from `first_step` to `last_step` (None: to the end).

    `sums` is from `step_sums`. Both steps count, from 1. Frames where the measure is undefined (NaN) are left out; NaN
    if none is defined.
    """
    return mean(_chosen(sums, metric, view, first_step, last_step))


def undefined_share(sums: pd.DataFrame, metric: str, view: str, first_step: int, last_step: int | None) -> float:
    """Return the share of those frames, in [0, 1], where the measure is undefined; NaN where there are no frames."""
    chosen = _chosen(sums, metric, view, first_step, last_step)
    frames = chosen["frames"].sum()
    return float(1 - chosen["defined"].sum() / frames) if frames else math.nan


def _chosen(sums: pd.DataFrame, metric: str, view: str, first_step: int, last_step: int | None) -> pd.DataFrame:
    chosen = (sums["metric"] == metric) & (sums["view"] == view) & (sums["step"] >= first_step)
    if last_step is not None:
        chosen &= sums["step"] <= last_step
    return sums[chosen]
