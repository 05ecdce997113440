"""A p-value from drawn relabelings, no more of them than it takes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ablate.core.seeds import derive

SEEN_ENOUGH = 100  # relabelings that reach the observed statistic; p is then known to a tenth of itself
BATCHES = (250, 750, 2_000)
AT_A_TIME = 2_000_000  # numbers: they stay in the cache


@dataclass(frozen=True)
class Draws:
    """How many relabelings at most, and the seed of them."""

    most: int
    seed: int


def reached(
    observed: float, statistics: Callable[[np.random.Generator, int], np.ndarray], draws: Draws, width: int
) -> float:
    """Return the p of `observed` among the statistics of drawn relabelings.

    Drawing stops at the hundredth one that reaches it, the l-th drawn, and p is then 100 / l; else p is
    (1 + reaching) / (1 + drawn). Both are valid p-values (Besag & Clifford 1991, doi:10.1093/biomet/78.2.301).
    `statistics` returns so many of them as it is asked for; each takes `width` numbers to make.
    """
    generator = np.random.default_rng(derive(draws.seed, "randomization"))
    seen = drawn = 0
    while drawn < draws.most:
        count = min(_batch(drawn), draws.most - drawn, max(1, AT_A_TIME // width))
        hits = np.flatnonzero(statistics(generator, count) >= observed)
        if seen + len(hits) >= SEEN_ENOUGH:
            return SEEN_ENOUGH / (drawn + int(hits[SEEN_ENOUGH - seen - 1]) + 1)
        seen, drawn = seen + len(hits), drawn + count
    return (1 + seen) / (1 + drawn)


def _batch(drawn: int) -> int:
    return next((size for size in BATCHES if drawn < size), BATCHES[-1])
