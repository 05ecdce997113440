"""The terms of a model of a table: the columns of every main effect and every interaction of two factors."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float
from scipy.linalg import helmert

from ablate.inference.factor_levels import FactorLevels, numeric_values, polynomials
from ablate.inference.run_table import RunTable

Term = tuple[int, ...]
"""Positions of the factors of a term: (i,) a main effect, (i, j) an interaction."""


@dataclass(frozen=True, eq=False)
class TermColumns:
    """The columns of terms over the measured runs of a table, and the place of each term."""

    matrix: Float[np.ndarray, "run parameter"]
    places: Mapping[Term, slice]

    @classmethod
    def of(cls, table: RunTable, terms: Sequence[Term]) -> "TermColumns":
        """Return the columns of these terms: codings of a factor's levels, or the products of two factors' codings."""
        levels = table.levels[table.defined]
        mains = [coding(factor)[levels[:, position]] for position, factor in enumerate(table.factors)]
        columns, places, start = [np.empty((len(levels), 0))], {}, 0
        for term in terms:
            block = mains[term[0]] if len(term) == 1 else _products(mains[term[0]], mains[term[1]])
            places[term] = slice(start, start + block.shape[1])
            start += block.shape[1]
            columns.append(block)
        return cls(np.column_stack(columns), places)


def coding(factor: FactorLevels) -> Float[np.ndarray, "level contrast"]:
    """Return the columns that code a factor's levels; each has mean 0 and mean square 1 over the levels.

    Levels without an order have Helmert contrasts. Ordered levels have orthogonal polynomials, the linear one first.
    A numeric factor has one column: its values, on a log scale where they span a decade.
    """
    if len(factor.levels) < 2:  # noqa: PLR2004  # one level has no contrast
        return np.empty((len(factor.levels), 0))
    if factor.numeric:
        values = numeric_values(factor)
        centered = (values - values.mean())[:, np.newaxis]
        return _unit(centered)
    if factor.ordered:
        return _unit(polynomials(factor).T)
    return _unit(helmert(len(factor.levels)).T)


def main_effects(table: RunTable) -> tuple[Term, ...]:
    """Return the term of every factor that varies among the measured runs."""
    return tuple((position,) for position, factor in enumerate(table.factors) if len(factor.levels) > 1)


def pairs_of(table: RunTable) -> tuple[Term, ...]:
    """Return the interactions of all factors that vary among the measured runs."""
    return tuple(combinations([position for (position,) in main_effects(table)], 2))


def supersets(term: Term, terms: Sequence[Term]) -> Iterator[Term]:
    """Yield the larger terms that contain all factors of a term."""
    return (larger for larger in terms if set(term) < set(larger))


def _unit(columns: Float[np.ndarray, "level contrast"]) -> Float[np.ndarray, "level contrast"]:
    scaled: np.ndarray = columns / np.sqrt((columns**2).mean(axis=0))
    return scaled


def _products(
    left: Float[np.ndarray, "run first"], right: Float[np.ndarray, "run second"]
) -> Float[np.ndarray, "run product"]:
    products: np.ndarray = (left[:, :, np.newaxis] * right[:, np.newaxis]).reshape(
        len(left), left.shape[1] * right.shape[1]
    )
    return products
