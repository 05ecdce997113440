"""The scores of a set of forecasts in short."""

import warnings

import numpy as np

from ablate.core.arrays import FrameScores
from ablate.measurement.metrics import METRICS
from ablate.measurement.metrics.trail import TRAIL, decay_steps
from ablate.measurement.scoring.extreme_clips import EXTREMES, strongest_and_weakest
from ablate.measurement.scoring.forecast_scores import ForecastScores, ForecastSummary, StepCurve, Trail
from ablate.measurement.scoring.interval import mean_interval
from ablate.measurement.scoring.reading import reading

LAGS = tuple(metric.name for metric in TRAIL)


def summarize(scores: ForecastScores) -> ForecastSummary:
    """Return means with intervals over clips, the trail, the extreme clips, and what it all says."""
    ghosts = scores.metrics["ghost_ratio"]
    strongest, weakest = strongest_and_weakest(ghosts, EXTREMES)
    curves = {name: _curve(scores.metrics[name]) for name in METRICS if name not in LAGS}
    trail = _trail([scores.metrics[name] for name in LAGS])
    clips, steps = ghosts.shape
    undefined = int(np.isnan(ghosts).sum())
    return ForecastSummary(
        clips=clips,
        steps=steps,
        undefined=undefined,
        curves=curves,
        trail=trail,
        alignment=scores.alignment,
        strongest=strongest,
        weakest=weakest,
        sentences=reading(clips, undefined, curves, trail, scores.alignment),
    )


def _curve(values: FrameScores) -> StepCurve:
    mean, low, high = (float(end) for end in mean_interval(_by_clip(values)))
    per_step = (tuple(end.tolist()) for end in mean_interval(values))
    return StepCurve(mean, low, high, *per_step)


def _trail(lags: list[FrameScores]) -> Trail:
    excess, low, high = mean_interval(np.stack([_by_clip(values) for values in lags], axis=1))
    return Trail(
        lag=tuple(range(1, len(lags) + 1)),
        excess=tuple(excess.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        decay_steps=decay_steps(excess),
    )


def _by_clip(values: FrameScores) -> np.ndarray:
    """Return each clip's mean over the steps where it is defined; NaN where none is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a clip without a defined step is undefined
        means: np.ndarray = np.nanmean(values, axis=1)
    return means
