"""An interval for a mean over seeds, from the seeds themselves."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ablate.seeds import derive

EXACT_UP_TO = 6  # seeds; 6**6 = 46,656 resamples are still enumerated in a moment

Values = Float[np.ndarray, " seed"]


@dataclass(frozen=True)
class Resampling:
    """How intervals are made: their nominal coverage, the number of resamples drawn, and what seeds the draws."""

    confidence: float = 0.95
    resamples: int = 2_000
    seed: int = 0


def percentile_interval(values: Values, resampling: Resampling) -> tuple[float, float] | None:
    """Return the percentile bootstrap interval of the mean (Efron 1979, doi:10.1214/aos/1176344552).

    All n**n resamples are enumerated up to EXACT_UP_TO values, else `resamples` of them are drawn. None for one
    value. It is too narrow for few values (see `coverage_bound`), and never wider than their range.
    """
    if len(values) < 2:  # noqa: PLR2004  # one value says nothing about spread
        return None
    means = values[_resamples(len(values), resampling)].mean(axis=1)
    tail = (1 - resampling.confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail], method="inverted_cdf")
    return float(low), float(high)


def coverage_bound(seeds: int) -> float:
    """Return the most that a percentile interval from this many seeds can cover, in [0, 1]: 1 - 2^(1 - n).

    It lies within the range of the values, and that range misses the median where all n fall on one side of it.
    For symmetric differences the median is the mean.
    """
    return 1 - 2.0 ** (1 - seeds)


def _resamples(count: int, resampling: Resampling) -> np.ndarray:
    if count <= EXACT_UP_TO:
        return np.indices((count,) * count).reshape(count, -1).T
    generator = np.random.default_rng(derive(resampling.seed, "bootstrap"))
    return generator.integers(0, count, (resampling.resamples, count))
