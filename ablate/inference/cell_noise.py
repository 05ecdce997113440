"""What seeds and cells leave of the responses: the noise between runs of one cell, and what explains parts of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

from ablate.inference.hypotheses import Family
from ablate.inference.linear_model import TINY, LinearModel
from ablate.inference.run_table import RunTable
from ablate.inference.terms import Term, TermColumns, main_effects, pairs_of


@dataclass(frozen=True)
class MeanSquare:
    """A sum of squares over its degrees of freedom."""

    squares: float
    freedom: int

    @property
    def value(self) -> float:
        """The mean square; NaN without degrees of freedom."""
        return self.squares / self.freedom if self.freedom > 0 else np.nan


@dataclass(frozen=True)
class LackOfFit:
    """An F test of everything beyond main effects and interactions of two factors: three or more act together."""

    p: float
    numerator_df: int
    denominator_df: int


class CellNoise:
    """The responses of a table minus the effects of cells and, where runs share seeds, of seeds."""

    def __init__(self, table: RunTable, family: Family) -> None:
        observations = family.observations
        self._table, self._order, self._block = table, observations.order, observations.block
        self._cell = np.unique(table.cell[table.defined], return_inverse=True)[1][observations.order]
        seeds = np.empty((len(self._cell), 0))
        if observations.has_blocks:
            seeds = (self._block[:, np.newaxis] == np.arange(observations.blocks)).astype(float)
        # cells are many and seeds are few: cells are removed by their means, seeds by least squares
        self._seeds = _basis(self._less_cells(seeds))
        self._residual = self._left(observations.response[:, np.newaxis])[:, 0]
        freedom = len(self._cell) - int(self._cell.max(initial=-1)) - 1 - self._seeds.shape[1]
        self.total = MeanSquare(float(self._residual @ self._residual), freedom)

    def explained(self, terms: Sequence[Term]) -> MeanSquare:
        """Return the part of the noise that the interactions of seeds with these terms explain."""
        columns = TermColumns.of(self._table, terms).matrix[self._order]
        seeds = self._block[:, np.newaxis] == np.unique(self._block)
        basis = _basis(
            self._left(
                (columns[:, :, np.newaxis] * seeds[:, np.newaxis]).reshape(
                    len(columns), columns.shape[1] * seeds.shape[1]
                )
            )
        )
        return MeanSquare(float(((basis.T @ self._residual) ** 2).sum()), basis.shape[1])

    def _left(self, columns: Float[np.ndarray, "run column"]) -> Float[np.ndarray, "run column"]:
        """Return what seeds and cells leave of columns."""
        less_cells = self._less_cells(columns)
        left: np.ndarray = less_cells - self._seeds @ (self._seeds.T @ less_cells)
        return left

    def _less_cells(self, columns: Float[np.ndarray, "run column"]) -> Float[np.ndarray, "run column"]:
        total = np.zeros((self._cell.max(initial=-1) + 1, columns.shape[1]))
        np.add.at(total, self._cell, columns)
        less: np.ndarray = columns - (total / np.bincount(self._cell)[:, np.newaxis])[self._cell]
        return less


def lack_of_fit(table: RunTable, family: Family, noise: CellNoise) -> LackOfFit | None:
    """Return the F test of cells beyond all main effects and pairs; None without degrees of freedom.

    The numerator is what the cells explain beyond the model of all main effects and pairs, the denominator the noise.
    """
    model = LinearModel.of(table, family.observations, (*main_effects(table), *pairs_of(table)))
    numerator = model.freedom - noise.total.freedom
    if numerator < 1 or noise.total.freedom < 1:
        return None
    beyond = max(0.0, float((model.residual**2).sum()) - noise.total.squares)
    if beyond <= TINY * float((family.observations.response**2).sum()):
        return LackOfFit(1.0, numerator, noise.total.freedom)
    if noise.total.squares == 0:
        return LackOfFit(float(np.finfo(float).tiny), numerator, noise.total.freedom)
    p = float(stats.f.sf(beyond / numerator / noise.total.value, numerator, noise.total.freedom))
    return LackOfFit(max(p, float(np.finfo(float).tiny)), numerator, noise.total.freedom)


def _basis(columns: Float[np.ndarray, "run parameter"]) -> Float[np.ndarray, "run rank"]:
    left, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    basis: np.ndarray = left[:, sizes > TINY * len(columns)]
    return basis
