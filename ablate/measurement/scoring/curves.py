"""Means over clips with their confidence intervals: of a metric by step, and of the ghost by lag."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

from ablate.core.arrays import FrameScores
from ablate.measurement.metrics.trail import decay_steps
from ablate.measurement.run_mean import MEASURABLE_FROM, is_measurable

CONFIDENCE = 0.95


@dataclass(frozen=True)
class StepCurve:
    """Mean of one metric over clips: overall and by forecast step, each with its interval; NaN where undefined."""

    mean: float
    low: float
    high: float
    per_step: tuple[float, ...]
    low_per_step: tuple[float, ...]
    high_per_step: tuple[float, ...]
    defined_share: float = 1.0
    """Share of the forecast frames that define the metric, in [0, 1]: the mean is over these."""
    defined_share_per_step: tuple[float, ...] = ()
    """The same for each step: a share of the clips."""

    @property
    def is_measurable(self) -> bool:
        """Whether enough frames define the metric for its mean to speak for the forecasts."""
        return is_measurable(self.defined_share, MEASURABLE_FROM)


@dataclass(frozen=True)
class Trail:
    """The ghost by lag: its mean over clips and steps on pixels last lit that many steps ago, with its interval."""

    lag: tuple[int, ...]
    excess: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    decay_steps: float | None
    """Steps in which the trail fades to 1/e; None without a trail, or where it does not fade."""

    @property
    def lasts(self) -> bool:
        """Whether a trail does not fade: more than half of its lags have an interval above 0."""
        return self.decay_steps is None and sum(low > 0 for low in self.low) > len(self.lag) / 2


def step_curve(values: FrameScores) -> StepCurve:
    """Return the mean of a metric over clips, overall and by step."""
    mean, low, high = (float(number) for number in mean_interval(clip_means(values)))
    per_step, low_per_step, high_per_step = (tuple(numbers.tolist()) for numbers in mean_interval(values))
    defined = ~np.isnan(values)
    return StepCurve(
        mean=mean,
        low=low,
        high=high,
        per_step=per_step,
        low_per_step=low_per_step,
        high_per_step=high_per_step,
        defined_share=float(defined.mean()),
        defined_share_per_step=tuple(defined.mean(axis=0).tolist()),
    )


def mean_trail(lags: Sequence[FrameScores]) -> Trail:
    """Return the mean trail over clips; `lags` holds the ghost at lag 1, 2, ..., per clip and step."""
    excess, low, high = mean_interval(np.stack([clip_means(values) for values in lags], axis=1))
    return Trail(
        lag=tuple(range(1, len(lags) + 1)),
        excess=tuple(excess.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        decay_steps=decay_steps(excess),
    )


def clip_means(values: FrameScores) -> Float[np.ndarray, " clip"]:
    """Return each clip's mean over the steps where it is defined; NaN where none is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a clip without a defined step is undefined
        means: np.ndarray = np.nanmean(values, axis=1)
    return means


ClipValues = Float[np.ndarray, "clip *statistics"]
Means = Float[np.ndarray, "*statistics"]


def mean_interval(values: ClipValues) -> tuple[Means, Means, Means]:
    """Return the mean over clips, and the ends of its confidence interval: Student's t at CONFIDENCE, NaN left out.

    Clips are the replication: the interval is about these forecasts on other clips, not about another training. Clips
    of one source are independent. The ends are NaN for fewer than two defined clips, the mean for none.

    In simulations with 24 clips 95 % intervals cover the true mean in 93 to 97 % for normal and moderately skewed
    values (skewness up to 1.4), but in 92 % for exponential and 88 % for log-normal ones (sigma 1), and in fewer with
    fewer clips.
    """
    count = (~np.isnan(values)).sum(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # an all-NaN column is undefined, and stays NaN
        mean = np.asarray(np.nanmean(values, axis=0))
        spread = np.nanstd(values, axis=0, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        half = stats.t.ppf((1 + CONFIDENCE) / 2, np.maximum(count - 1, 1)) * spread / np.sqrt(count)
    half = np.where(count > 1, half, np.nan)
    return mean, np.asarray(mean - half), np.asarray(mean + half)
