"""Permutation tests within matched sets: p-values by permuting the runs of each set.

If a factor has no effect, the runs of a matched set are exchangeable: each could have had another's level (Fisher 1935,
The Design of Experiments). An interaction is tested on what is left of each set after the means of its rows and its
columns are removed: rows and columns are exchangeable if there is no interaction.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations, product
from math import factorial, log

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import helmert

from ablate.core.seeds import derive
from ablate.inference.matched import MatchedSets

LARGEST_GROUP = 720  # permutations of a set; of a larger group only cyclic ones are used, which keeps the test valid
ENUMERATED = 20_000  # permutations of all sets together
SLACK = 1e-9  # equal sums differ by rounding
ROUNDING = 1e-13  # of the largest value
HITS = 100  # drawn permutations that reach the observed statistic; p is then known to a tenth of itself
BATCHES = (250, 750, 2_000)
BATCH_NUMBERS = 2_000_000  # numbers at a time: they stay in the cache

Statistics = Callable[[np.random.Generator, int], Float[np.ndarray, " draw"]]


@dataclass(frozen=True)
class Draws:
    """The largest number of permutations to draw, and their seed."""

    most: int
    seed: int


def set_permutations(shape: tuple[int, ...]) -> Int[np.ndarray, "permutation entry"]:
    """Return the permutations of one set with these numbers of levels, each as an order of the set's entries.

    For one factor: all orders of its levels. For two factors: all orders of the rows times all orders of the columns;
    for 2 x 2 only those of the columns, since either exchange changes the sign of the statistic.
    """
    moved_axes = [range(1) if shape == (2, 2) and axis == 0 else range(n) for axis, n in enumerate(shape)]
    full = int(np.prod([factorial(len(levels)) for levels in moved_axes])) <= LARGEST_GROUP
    orders = product(
        *(_orders(n, moved=len(levels) > 1, full=full) for n, levels in zip(shape, moved_axes, strict=True))
    )
    entries = np.arange(int(np.prod(shape))).reshape(shape)
    return np.array([entries[np.ix_(*order)].ravel() for order in orders])


def omnibus_p(sets: MatchedSets, draws: Draws) -> float:
    """Return the p-value, in (0, 1], of no effect (one factor) or no interaction (two) over all levels at once.

    The statistic is the sum of squares of the means over sets, which orders permutations as the F statistic does.
    """
    shape = sets.values.shape[1:]
    entries = sets.values.reshape(len(sets.values), -1)
    return _p(_weighted(entries[:, set_permutations(shape)], axes(shape)), draws, sign_free=True)


def drawn_p(observed: float, statistics: Statistics, draws: Draws, width: int) -> float:
    """Return the p-value, in (0, 1], of `observed` among the statistics of drawn permutations.

    Drawing stops at the hundredth one that reaches it, and p is then 100 / drawn; else p is
    (1 + reaching) / (1 + drawn). Both are valid p-values (Besag & Clifford 1991, doi:10.1093/biomet/78.2.301).
    `statistics` returns the requested number of statistics; each takes `width` numbers to compute.
    """
    generator = np.random.default_rng(derive(draws.seed, "randomization"))
    reached = drawn = 0
    while drawn < draws.most:
        batch = next((size for size in BATCHES if drawn < size), BATCHES[-1])
        count = min(batch, draws.most - drawn, max(1, BATCH_NUMBERS // width))
        hits = np.flatnonzero(statistics(generator, count) >= observed)
        if reached + len(hits) >= HITS:
            return HITS / (drawn + int(hits[HITS - reached - 1]) + 1)
        reached, drawn = reached + len(hits), drawn + count
    return (1 + reached) / (1 + drawn)


def axes(shape: tuple[int, ...]) -> Float[np.ndarray, "entry axis"]:
    """Return orthonormal axes of the effect in a set: differences of levels, or the products of rows' and columns'."""
    basis: np.ndarray = np.ones((1, 1))
    for levels in shape:
        basis = np.kron(basis, helmert(levels))
    return basis.T


def _weighted(
    values: Float[np.ndarray, "set permutation entry"], weights: Float[np.ndarray, "entry part"]
) -> Float[np.ndarray, "set permutation part"]:
    """Return the weighted sums; a sum that is only rounding counts as 0, so that it decides nothing."""
    parts: np.ndarray = values @ weights
    return np.where(np.abs(parts) > ROUNDING * np.abs(values).max(initial=0), parts, 0.0)


def _p(parts: Float[np.ndarray, "set permutation part"], draws: Draws, *, sign_free: bool) -> float:
    """Return the share of permutations whose statistic reaches that of the first, the runs as they are.

    `sign_free`: permuting every set alike does not change the statistic, so the first set may stay unpermuted.
    """
    observed = float((parts[:, 0].sum(axis=0) ** 2).sum()) * (1 - SLACK)
    if (len(parts) - sign_free) * log(parts.shape[1]) <= log(ENUMERATED):
        return float(np.mean((_every_sum(parts, sign_free=sign_free) ** 2).sum(axis=-1) >= observed))
    width = len(parts) * parts.shape[2]
    return drawn_p(observed, lambda generator, count: _drawn_statistics(parts, generator, count), draws, width)


def _every_sum(
    parts: Float[np.ndarray, "set permutation part"], *, sign_free: bool
) -> Float[np.ndarray, "combination part"]:
    sums = parts[0, :1] if sign_free else parts[0]
    for permuted in parts[1:]:
        sums = (sums[:, np.newaxis] + permuted).reshape(-1, parts.shape[2])
    return sums


def _drawn_statistics(
    parts: Float[np.ndarray, "set permutation part"], generator: np.random.Generator, count: int
) -> Float[np.ndarray, " draw"]:
    sets, ways, width = parts.shape
    choice = generator.integers(0, ways, (count, sets)) + np.arange(sets) * ways
    statistic: np.ndarray = (parts.reshape(-1, width)[choice].sum(axis=1) ** 2).sum(axis=-1)
    return statistic


def _orders(levels: int, *, moved: bool, full: bool) -> Iterator[tuple[int, ...]]:
    first = tuple(range(levels))
    if not moved:
        return iter([first])
    return permutations(first) if full else (first[k:] + first[:k] for k in first)
