"""Why a run is unmeasurable: its scores define the metric of the response in too few frames."""

import math

import pandas as pd

from ablate.analysis.phrases import percent
from ablate.measurement.metrics import Metric
from ablate.measurement.metrics.trail import TRAIL
from ablate.measurement.run_mean import mean_score

FINISHED, DIVERGED, UNMEASURABLE = "finished", "diverged", "unmeasurable"
"""Outcomes of runs that came to their end; the last one depends on what the study asks about."""
SIGNAL, VISIBLE, OWN_TRAIL = "signal_retention", "visible_share", "own_trail_ratio"
GHOST, LAGS = "ghost_ratio", frozenset(lag.name for lag in TRAIL)
RELATIVE_TO_DIGITS = LAGS | {GHOST}
"""Metrics that divide by the digits' brightness: undefined where the digits do not stand out."""
EXPLAINING = (GHOST, SIGNAL, VISIBLE)
"""Metrics that show why another one is undefined: brightness of the digits, and whether there is a path behind."""
Scope = tuple[str, int, int]
"""A view, its first and its last step."""


def unmeasurable_reason(sums: pd.DataFrame, metric: Metric, scope: Scope, measurable_from: float) -> str:
    """Return in words why a run is unmeasurable; `sums` are its scores from `step_sums`."""
    defined, frames = _counts(sums, metric.name, scope)
    if not frames:
        return f"no frame was scored for the {metric.title}"
    if defined / frames >= measurable_from and defined:
        return f"the mean {metric.title} is not a finite number"
    share = f"{percent(round(defined / frames, 3))} of its frames ({defined:,} of {frames:,})"
    floor = f"the plan asks for {percent(measurable_from)}" if measurable_from else "the plan asks for one frame"
    why = _why(sums, metric.name, scope, "in the others" if defined else "in all of them")
    return f"the {metric.title} is defined in {share}; {floor}" + (f"; {why}" if why else "")


def _why(sums: pd.DataFrame, metric: str, scope: Scope, where: str) -> str:
    """Return what most of the undefined frames lack; empty where the scores do not show it."""
    undefined = _undefined(sums, metric, scope)
    if metric == OWN_TRAIL:
        return f"{where} the forecast keeps to the target's path, or its digits do not stand out"
    if metric not in RELATIVE_TO_DIGITS:
        return ""
    if metric in LAGS and 2 * _undefined(sums, GHOST, scope) < undefined:
        return f"in most of the others no pixel was left by a digit {int(metric[-2:])} steps ago"
    if 2 * _undefined(sums, VISIBLE, scope) > undefined:
        return "in most of the others no digit has left a pixel, so there is no earlier position to look at"
    signal = mean_score(sums, SIGNAL, *scope)
    brightness = "" if math.isnan(signal) else f": on average they keep {percent(round(signal, 2))} of their brightness"
    return f"{where} the digits do not stand out{brightness}"


def _undefined(sums: pd.DataFrame, metric: str, scope: Scope) -> int:
    defined, frames = _counts(sums, metric, scope)
    return frames - defined


def _counts(sums: pd.DataFrame, metric: str, scope: Scope) -> tuple[int, int]:
    """Return in how many frames of the scope a metric is defined, and how many there are."""
    view, first, last = scope
    rows = sums[(sums["metric"] == metric) & (sums["view"] == view) & sums["step"].between(first, last)]
    return int(rows["defined"].sum()), int(rows["frames"].sum())
