"""The linear model of a design: which terms it has, and their columns over the cells."""

from collections.abc import Sequence
from functools import cache
from itertools import combinations, product

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import helmert

Pair = tuple[int, int]
Term = tuple[int, ...]
"""Positions of its factors: () is the mean, (i,) a main effect, (i, j) an interaction."""


def model_matrix(
    levels: Int[np.ndarray, "*cells factor"], counts: Sequence[int], pairs: Sequence[Pair]
) -> Float[np.ndarray, "*cells parameter"]:
    """Return the row of every cell: a one, then the contrasts of every factor, then those of every pair.

    `counts` says how many levels each factor has, `pairs` the interactions by position. A factor of k levels has
    k - 1 Helmert contrasts, orthogonal and of mean square 1 over its levels; a pair has their products. So a full
    factorial of N cells gives X'X = N I, and the squares of a row sum to the number of parameters in any design.
    """
    cells = levels.shape[:-1]
    blocks = [_contrasts(count)[levels[..., position]] for position, count in enumerate(counts)]
    mains = np.concatenate([np.empty((*cells, 0)), *blocks], axis=-1)
    left, right = _products(tuple(counts), tuple(pairs))
    return np.concatenate([np.ones((*cells, 1)), mains, mains[..., left] * mains[..., right]], axis=-1)


def terms(factors: int, pairs: Sequence[Pair]) -> tuple[Term, ...]:
    """Return the terms of the model in the order of its columns."""
    return ((), *((position,) for position in range(factors)), *pairs)


def columns(counts: Sequence[int], pairs: Sequence[Pair]) -> dict[Term, slice]:
    """Return where each term of the model has its columns."""
    places, start = {}, 0
    for term in terms(len(counts), pairs):
        width = int(np.prod([counts[position] - 1 for position in term], dtype=int))
        places[term] = slice(start, start + width)
        start += width
    return places


def parameters(counts: Sequence[int], pairs: Sequence[Pair]) -> int:
    """Return how many columns the model has."""
    return sum(place.stop - place.start for place in columns(counts, pairs).values())


def all_pairs(factors: int) -> tuple[Pair, ...]:
    """Return every pair of factors by position."""
    return tuple(combinations(range(factors), 2))


@cache
def _contrasts(count: int) -> Float[np.ndarray, "level contrast"]:
    contrasts: np.ndarray = helmert(count).T * np.sqrt(count)
    return contrasts


@cache
def _products(counts: tuple[int, ...], pairs: tuple[Pair, ...]) -> tuple[list[int], list[int]]:
    """Return which two contrasts each column of an interaction multiplies."""
    first = [sum(counts[:position]) - position for position in range(len(counts))]
    places = [range(start, start + count - 1) for start, count in zip(first, counts, strict=True)]
    both = [two for i, j in pairs for two in product(places[i], places[j])]
    return [left for left, _ in both], [right for _, right in both]
