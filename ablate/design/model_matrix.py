"""The linear model of a design: its terms, their columns over the cells, and how efficiently it is estimated."""

from collections.abc import Sequence
from functools import cache
from itertools import combinations, product

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import helmert

Pair = tuple[int, int]
Term = tuple[int, ...]
"""Positions of the factors in a term: () is the mean, (i,) a main effect, (i, j) an interaction."""


def model_matrix(
    levels: Int[np.ndarray, "*cells factor"], counts: Sequence[int], pairs: Sequence[Pair]
) -> Float[np.ndarray, "*cells parameter"]:
    """Return the row of every cell: a one, then the contrasts of every factor, then those of every pair.

    `counts` holds the number of levels of each factor, `pairs` the interactions by position. A factor of k levels has
    k - 1 Helmert contrasts, orthogonal and of mean square 1 over its levels. A pair has their products. So a full
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
    """Return the columns of each term of the model."""
    slices, start = {}, 0
    for term in terms(len(counts), pairs):
        width = int(np.prod([counts[position] - 1 for position in term], dtype=int))
        slices[term] = slice(start, start + width)
        start += width
    return slices


def parameters(counts: Sequence[int], pairs: Sequence[Pair]) -> int:
    """Return the number of parameters of the model, one per column."""
    return sum(term.stop - term.start for term in columns(counts, pairs).values())


def all_pairs(factors: int) -> tuple[Pair, ...]:
    """Return every pair of factors by position."""
    return tuple(combinations(range(factors), 2))


def d_efficiency(matrix: Float[np.ndarray, "cell parameter"]) -> float:
    """Return the D-efficiency |X'X|^(1/p) / N of a model matrix of N cells and p parameters, in [0, 1].

    1 means an orthogonal design: its estimates have the smallest joint variance that N runs allow. 0 means that some
    parameter cannot be estimated. Atkinson, Donev and Tobias, Optimum Experimental Designs (2007), section 11.2.
    """
    cells, parameters = matrix.shape
    if np.linalg.matrix_rank(matrix) < parameters:
        return 0.0
    return float(np.exp(np.linalg.slogdet(matrix.T @ matrix).logabsdet / parameters) / cells)


def a_efficiency(matrix: Float[np.ndarray, "cell parameter"]) -> float:
    """Return the A-efficiency p / (N tr (X'X)^-1), from the mean variance of the estimates; in [0, 1], at most D."""
    cells, parameters = matrix.shape
    if np.linalg.matrix_rank(matrix) < parameters:
        return 0.0
    return float(parameters / (cells * np.trace(np.linalg.inv(matrix.T @ matrix))))


@cache
def _contrasts(count: int) -> Float[np.ndarray, "level contrast"]:
    contrasts: np.ndarray = helmert(count).T * np.sqrt(count)
    return contrasts


@cache
def _products(counts: tuple[int, ...], pairs: tuple[Pair, ...]) -> tuple[list[int], list[int]]:
    """Return the two contrasts that each column of an interaction multiplies, as columns of the main effects."""
    starts = [sum(counts[:position]) - position for position in range(len(counts))]
    contrasts = [range(start, start + count - 1) for start, count in zip(starts, counts, strict=True)]
    products = [contrast_pair for i, j in pairs for contrast_pair in product(contrasts[i], contrasts[j])]
    return [left for left, _ in products], [right for _, right in products]
