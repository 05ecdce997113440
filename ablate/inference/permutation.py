"""Randomization within matched sets: what the runs would have said, had their levels been dealt otherwise.

Where a factor does nothing, the runs of a matched set are exchangeable: each of them might as well have had another's
level (Fisher 1935, The Design of Experiments). An interaction is tested on what is left of each set after its rows'
and columns' means: rows and columns may then be exchanged where there is none.
"""

from collections.abc import Iterator
from itertools import permutations, product
from math import factorial, log

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import helmert

from ablate.inference.matched import MatchedSets
from ablate.inference.monte_carlo import Draws, reached

LARGEST_GROUP = 720  # relabelings of a set; of a larger group the cyclic part is taken, which keeps the test valid
ENUMERATED = 20_000  # relabelings of all sets together
SLACK = 1e-9  # equal sums differ by rounding
ROUNDING = 1e-13  # of the largest value


def set_permutations(shape: tuple[int, ...]) -> Int[np.ndarray, "relabeling entry"]:
    """Return the ways to relabel one set with so many levels of each factor, each as an order of its entries.

    For one factor: all orders of its levels. For two: all orders of rows times all orders of columns; of a 2 x 2 set
    only the columns', since either exchange turns the sign of what is tested.
    """
    axes = [range(1) if shape == (2, 2) and axis == 0 else range(n) for axis, n in enumerate(shape)]
    full = int(np.prod([factorial(len(own)) for own in axes])) <= LARGEST_GROUP
    orders = product(*(_orders(n, moved=len(own) > 1, full=full) for n, own in zip(shape, axes, strict=True)))
    entries = np.arange(int(np.prod(shape))).reshape(shape)
    return np.array([entries[np.ix_(*order)].ravel() for order in orders])


def smallest_p(shape: tuple[int, ...], sets: int, most: int) -> float:
    """Return the least p that so many sets can reach, of at most `most` drawn relabelings.

    Relabeling all sets alike changes nothing, so one set counts for none.
    """
    ways = len(set_permutations(shape))
    return float(ways) ** (min(0, 1 - sets)) if (sets - 1) * log(ways) <= log(ENUMERATED) else 1 / (1 + most)


def omnibus_p(sets: MatchedSets, draws: Draws) -> float:
    """Return the p of no effect (one factor) or no interaction (two), over all levels at once.

    The statistic is the sum of squares of the means over sets, which orders relabelings as the F statistic does.
    """
    shape = sets.values.shape[1:]
    entries = sets.values.reshape(len(sets.values), -1)
    return _p(_weighted(entries[:, set_permutations(shape)], axes(shape)), draws, alike=True)


def axes(shape: tuple[int, ...]) -> Float[np.ndarray, "entry axis"]:
    """Return orthonormal axes of what is tested in a set: its levels' differences, or rows' times columns'."""
    basis: np.ndarray = np.ones((1, 1))
    for levels in shape:
        basis = np.kron(basis, helmert(levels))
    return basis.T


def contrast_p(sets: MatchedSets, weights: Float[np.ndarray, " level"], draws: Draws) -> float:
    """Return the two-sided p of a weighted sum of one factor's levels being zero; the weights add up to 0."""
    parts = _weighted(sets.values[:, set_permutations(sets.values.shape[1:])], weights[:, np.newaxis])
    return _p(parts, draws, alike=len(weights) == 2)  # noqa: PLR2004  # exchanging two turns the sign


def _weighted(
    values: Float[np.ndarray, "set relabeling entry"], weights: Float[np.ndarray, "entry part"]
) -> Float[np.ndarray, "set relabeling part"]:
    """Return the weighted sums; what is rounding alone counts as 0, so that it does not decide between relabelings."""
    parts: np.ndarray = values @ weights
    return np.where(np.abs(parts) > ROUNDING * np.abs(values).max(initial=0), parts, 0.0)


def sign_p(vectors: Float[np.ndarray, "block axis"], draws: Draws) -> float:
    """Return the p of the mean vector being zero, where a block might as well have had the opposite one.

    That takes what varies between blocks to be symmetric (Canay, Romano & Shaikh 2017, doi:10.3982/ECTA13081).
    """
    return _p(np.stack([vectors, -vectors], axis=1), draws, alike=True)


def _p(parts: Float[np.ndarray, "set relabeling part"], draws: Draws, *, alike: bool) -> float:
    """Return the share of relabelings whose statistic is at least that of the runs as they are.

    `alike`: relabeling every set alike leaves the statistic as it is, so the first set may stay as it is.
    """
    observed = float((parts[:, 0].sum(axis=0) ** 2).sum()) * (1 - SLACK)
    if (len(parts) - alike) * log(parts.shape[1]) <= log(ENUMERATED):
        return float(np.mean((_every_sum(parts, alike=alike) ** 2).sum(axis=-1) >= observed))
    width = len(parts) * parts.shape[2]
    return reached(observed, lambda generator, count: _drawn(parts, generator, count), draws, width)


def _every_sum(parts: np.ndarray, *, alike: bool) -> np.ndarray:
    sums = parts[0, :1] if alike else parts[0]
    for own in parts[1:]:
        sums = (sums[:, np.newaxis] + own).reshape(-1, parts.shape[2])
    return sums


def _drawn(parts: np.ndarray, generator: np.random.Generator, count: int) -> np.ndarray:
    sets, ways, width = parts.shape
    choice = generator.integers(0, ways, (count, sets)) + np.arange(sets) * ways
    statistic: np.ndarray = (parts.reshape(-1, width)[choice].sum(axis=1) ** 2).sum(axis=-1)
    return statistic


def _orders(levels: int, *, moved: bool, full: bool) -> Iterator[tuple[int, ...]]:
    first = tuple(range(levels))
    if not moved:
        return iter([first])
    return permutations(first) if full else (first[k:] + first[:k] for k in first)
