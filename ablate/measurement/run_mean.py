"""The mean of one metric over the clips and steps of a run."""

import math

import pandas as pd

MEASURABLE_FROM = 0.5  # of the frames: a mean over fewer of them says more about these frames than about the run


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


def measured_mean(
    sums: pd.DataFrame, metric: str, view: str, first_step: int, last_step: int | None, measurable_from: float
) -> float:
    """Return the mean as `mean_score` does; NaN if the metric is defined in too few frames, or the mean is not finite.

    At least the share `measurable_from` of the frames (clips x steps), and at least one frame, must define it.
    """
    value = mean_score(sums, metric, view, first_step, last_step)
    share = defined_share(sums, metric, view, first_step, last_step)
    return value if is_measurable(share, measurable_from) and math.isfinite(value) else math.nan


def is_measurable(defined_share: float, measurable_from: float) -> bool:
    """Return whether a metric that is defined in this share of the frames counts, with this floor from 0 to 1."""
    return defined_share > 0 and defined_share >= measurable_from


def defined_share(sums: pd.DataFrame, metric: str, view: str, first_step: int, last_step: int | None) -> float:
    """Return the share of those frames, in [0, 1], in which the metric is defined; NaN if there are no frames."""
    selected = _selected(sums, metric, view, first_step, last_step)
    frames = selected["frames"].sum()
    return float(selected["defined"].sum() / frames) if frames else math.nan


def _selected(sums: pd.DataFrame, metric: str, view: str, first_step: int, last_step: int | None) -> pd.DataFrame:
    rows = (sums["metric"] == metric) & (sums["view"] == view) & (sums["step"] >= first_step)
    if last_step is not None:
        rows &= sums["step"] <= last_step
    return sums[rows]
