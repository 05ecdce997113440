"""Intervals for a contrast, over its units."""

import numpy as np
from scipy import stats

from ablate.core.seeds import derive
from ablate.inference.estimate import Estimate
from ablate.inference.inference import Unit
from ablate.inference.settings import InferenceSettings

ROUNDING = 1e-12
FEWEST_RESAMPLED = 6  # seeds; fewer have too few different resamples to tell a tail


def interval(
    estimate: Estimate, unit: Unit, settings: InferenceSettings, confidence: float
) -> tuple[float, float] | None:
    """Return the bounds of an interval that covers the true contrast with `confidence`; None where nothing tells it.

    `student`: the estimate plus and minus Student's t times its standard error. `studentized`: the same with the
    quantiles of t from resampled seeds (Efron & Tibshirani 1993, chapter 12.5). `bca`: the bias-corrected accelerated
    bootstrap over seeds (Efron 1987, doi:10.1080/01621459.1987.10478410). Both bootstraps need seeds as the unit, six
    at the least; else Student's t is taken. Bounds never leave what a response within its own bounds could give.
    """
    if estimate.error is None:
        return None
    own = estimate.by_block[np.isfinite(estimate.by_block)]
    resampled = unit == "block" and len(own) >= FEWEST_RESAMPLED and _vary(own)
    if resampled and settings.interval == "bca":
        low, high = _bca(own, settings, confidence)
    elif resampled and settings.interval == "studentized":
        low, high = _studentized(own, settings, confidence)
    else:
        reach = float(stats.t.ppf((1 + confidence) / 2, estimate.freedom)) * estimate.error
        low, high = estimate.value - reach, estimate.value + reach
    widest = np.inf if settings.bounds is None else settings.bounds[1] - settings.bounds[0]
    return max(low, -widest), min(high, widest)


def _vary(own: np.ndarray) -> bool:
    """Whether the seeds differ by more than rounding."""
    return bool(own.std() > ROUNDING * np.abs(own).max())


def _bca(values: np.ndarray, settings: InferenceSettings, confidence: float) -> tuple[float, float]:
    middle, spread = values.mean(), values.std()  # SciPy takes third powers, which overflow for large values
    found = stats.bootstrap(
        ((values - middle) / spread,),
        np.mean,
        n_resamples=settings.resamples,
        confidence_level=confidence,
        method="BCa",
        rng=_generator(settings),
    ).confidence_interval
    return float(middle + spread * found.low), float(middle + spread * found.high)


def _studentized(values: np.ndarray, settings: InferenceSettings, confidence: float) -> tuple[float, float]:
    drawn = values[_generator(settings).integers(0, len(values), (settings.resamples, len(values)))]
    error = drawn.std(axis=1, ddof=1)
    told = error > 0
    t = (drawn[told].mean(axis=1) - values.mean()) / error[told]
    tail = (1 - confidence) / 2
    low, high = np.quantile(t, [tail, 1 - tail])
    spread = values.std(ddof=1)
    return float(values.mean() - high * spread), float(values.mean() - low * spread)


def _generator(settings: InferenceSettings) -> np.random.Generator:
    return np.random.default_rng(derive(settings.seed, "bootstrap"))
