"""The estimate of a contrast in the response's unit, its standard error, and its confidence interval."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from ablate.core.seeds import derive
from ablate.inference.inference import Unit
from ablate.inference.matched import MatchedSets
from ablate.inference.settings import InferenceSettings

ROUNDING = 1e-12
FEWEST_RESAMPLED = 6  # seeds; fewer have too few different resamples to estimate a tail


@dataclass(frozen=True, eq=False)
class EffectEstimate:
    """A contrast, its standard error with its degrees of freedom (None, 0 if it has none), and its evidence.

    `by_block` is the estimate of every block of the table, NaN for a block without one. `blocks` and `runs` are the
    numbers of both that it uses; `dropped` matched sets lack a run. `above` is the share, in [0, 1], of matched pairs
    in which the contrast is above 0, ties counting half; None for a contrast of more than two levels.
    """

    value: float
    error: float | None
    freedom: int
    by_block: Float[np.ndarray, " block"]
    blocks: int
    runs: int
    dropped: int
    above: float | None


def from_sets(
    sets: MatchedSets, weights: Float[np.ndarray, " level"], unit: Unit, blocks: int
) -> EffectEstimate | None:
    """Return the contrast of matched sets of one factor; None if no set is whole.

    Every context has the same weight. Differences between contexts are not error; a context's differences from block to
    block are. With unit `block` the mean over contexts varies, with n - 1 degrees of freedom; with unit `run` each
    context varies on its own. With one block, the contexts are all that varies.
    """
    if not len(sets.values):
        return None
    signed = sets.values @ weights
    context = np.unique(sets.context, return_inverse=True)[1]
    count = np.bincount(context)
    means = np.bincount(context, signed) / count
    residual = signed - means[context]
    value = float(means.mean())
    by_block = _block_means(residual, sets.block, blocks) + value
    error, freedom = error_of_blocks(by_block) if unit == "block" else _error_of_runs(residual, count, means)
    positive = (signed > 0).mean() + (signed == 0).mean() / 2
    return EffectEstimate(
        value=value,
        error=error,
        freedom=freedom,
        by_block=by_block,
        blocks=int(np.isfinite(by_block).sum()),
        runs=int(np.count_nonzero(weights)) * len(signed),
        dropped=sets.dropped,
        above=float(positive) if np.count_nonzero(weights) == 2 else None,  # noqa: PLR2004  # two levels are a pair
    )


def error_of_blocks(by_block: Float[np.ndarray, " block"]) -> tuple[float | None, int]:
    """Return the standard error of the mean over blocks and its degrees of freedom; (None, 0) below two blocks."""
    estimates = by_block[np.isfinite(by_block)]
    if len(estimates) < 2:  # noqa: PLR2004  # one block shows no variation
        return None, 0
    return float(estimates.std(ddof=1) / np.sqrt(len(estimates))), len(estimates) - 1


def confidence_interval(
    estimate: EffectEstimate, unit: Unit, settings: InferenceSettings, confidence: float
) -> tuple[float, float] | None:
    """Return the bounds of an interval that covers the true contrast with `confidence`; None without a standard error.

    `student`: the estimate plus and minus Student's t times its standard error. `studentized`: the same with the
    quantiles of t from resampled seeds (Efron & Tibshirani 1993, chapter 12.5). `bca`: the bias-corrected accelerated
    bootstrap over seeds (Efron 1987, doi:10.1080/01621459.1987.10478410). Both bootstraps need seeds as the unit, and
    at least six; else Student's t is used. The bounds stay within the differences that a bounded response can have.
    """
    if estimate.error is None:
        return None
    by_block = estimate.by_block[np.isfinite(estimate.by_block)]
    resampled = unit == "block" and len(by_block) >= FEWEST_RESAMPLED and _differ(by_block)
    if resampled and settings.interval == "bca":
        low, high = _bca(by_block, settings, confidence)
    elif resampled and settings.interval == "studentized":
        low, high = _studentized(by_block, settings, confidence)
    else:
        reach = float(stats.t.ppf((1 + confidence) / 2, estimate.freedom)) * estimate.error
        low, high = estimate.value - reach, estimate.value + reach
    widest = np.inf if settings.bounds is None else settings.bounds[1] - settings.bounds[0]
    return max(low, -widest), min(high, widest)


def _block_means(
    residual: Float[np.ndarray, " set"], block: Int[np.ndarray, " set"], blocks: int
) -> Float[np.ndarray, " block"]:
    count = np.bincount(block, minlength=blocks)
    total = np.bincount(block, residual, blocks)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _error_of_runs(
    residual: Float[np.ndarray, " set"], count: Int[np.ndarray, " context"], means: Float[np.ndarray, " context"]
) -> tuple[float | None, int]:
    freedom = len(residual) - len(count)
    if freedom:
        variance = float((residual**2).sum()) / freedom
        return float(np.sqrt(variance * (1 / count).sum())) / len(count), freedom
    return error_of_blocks(means)


def _differ(by_block: Float[np.ndarray, " block"]) -> bool:
    """Return whether the seeds differ by more than rounding."""
    return bool(by_block.std() > ROUNDING * np.abs(by_block).max())


def _bca(values: Float[np.ndarray, " block"], settings: InferenceSettings, confidence: float) -> tuple[float, float]:
    middle, spread = values.mean(), values.std()  # SciPy takes third powers, which overflow for large values
    interval = stats.bootstrap(
        ((values - middle) / spread,),
        np.mean,
        n_resamples=settings.resamples,
        confidence_level=confidence,
        method="BCa",
        rng=_generator(settings),
    ).confidence_interval
    return float(middle + spread * interval.low), float(middle + spread * interval.high)


def _studentized(
    values: Float[np.ndarray, " block"], settings: InferenceSettings, confidence: float
) -> tuple[float, float]:
    drawn = values[_generator(settings).integers(0, len(values), (settings.resamples, len(values)))]
    error = drawn.std(axis=1, ddof=1)
    varied = error > 0  # a resample of one seed alone has no t
    t = (drawn[varied].mean(axis=1) - values.mean()) / error[varied]
    tail = (1 - confidence) / 2
    low, high = np.quantile(t, [tail, 1 - tail])
    spread = values.std(ddof=1)
    return float(values.mean() - high * spread), float(values.mean() - low * spread)


def _generator(settings: InferenceSettings) -> np.random.Generator:
    return np.random.default_rng(derive(settings.seed, "bootstrap"))
