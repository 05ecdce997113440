"""The mean of one metric over the clips and steps of a run."""

import math

import pandas as pd


def step_sums(scores: pd.DataFrame) -> pd.DataFrame:
    """Return one row per view, metric and step, in order of first appearance.

    The columns are view, metric, step, total, defined and frames. `scores` has the columns of records.SCORE_COLUMNS.
    The metric is `defined` in some of the `frames`, where its values add up to `total`; it is undefined (NaN) in the
    others.
    """
    values = scores.astype({"value": float}).groupby(["view", "metric", "step"], sort=False)["value"]
    return values.agg(total="sum", defined="count", frames="size").reset_index()


def mean(sums: pd.DataFrame) -> float:
    """Return the mean over all frames in which the metric is defined; NaN if there is none."""
    defined = sums["defined"].sum()
    return float(sums["total"].sum() / defined) if defined else math.nan


def mean_score(sums: pd.DataFrame, metric: str, view: str, first_step: int, last_step: int | None) -> float:
    """Return a metric's mean over all clips and the steps from `first_step` to `last_step` (None: to the end).

    `sums` comes from `step_sums`. Steps count from 1, both ends are included. Frames in which the metric is undefined
    (NaN) are left out; NaN if none is defined.
    """
    return mean(_selected(sums, metric, view, first_step, last_step))


def undefined_share(sums: pd.DataFrame, metric: str, view: str, first_step: int, last_step: int | None) -> float:
    """Return the share of those frames, in [0, 1], in which the metric is undefined; NaN if there are no frames."""
    selected = _selected(sums, metric, view, first_step, last_step)
    frames = selected["frames"].sum()
    return float(1 - selected["defined"].sum() / frames) if frames else math.nan


def _selected(sums: pd.DataFrame, metric: str, view: str, first_step: int, last_step: int | None) -> pd.DataFrame:
    rows = (sums["metric"] == metric) & (sums["view"] == view) & (sums["step"] >= first_step)
    if last_step is not None:
        rows &= sums["step"] <= last_step
    return sums[rows]
