"""Linear models of a table of runs by least squares, with the effects of seeds removed or, without seeds, a mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from ablate.inference.run_table import RunTable
from ablate.inference.terms import Term, TermColumns, coding

TINY = 1e-9  # relative to the largest singular value: a column that is a combination of others
ROUNDING = 1e-13  # of the largest response minus the median: what the blocks' means leave of equal responses
SPACING = 2.0**-52  # of the largest response: half of a larger difference is no spacing of floating-point numbers


@dataclass(frozen=True, eq=False)
class Observations:
    """The measured responses, sorted by block and prepared for least squares.

    `response` is centered and divided by `scale`, so that neither 1e300 nor 1e15 + 3 loses its differences.
    `order` are the positions of the runs among the measured runs of the table. If `has_blocks`, responses are minus
    their block's mean; else every run is a block, and a model has a column for the mean.
    """

    response: Float[np.ndarray, " run"]
    scale: float
    block: Int[np.ndarray, " run"]
    order: Int[np.ndarray, " run"]
    has_blocks: bool

    @classmethod
    def of(cls, table: RunTable, *, has_blocks: bool) -> "Observations":
        """Return the measured runs of a table."""
        raw = table.response[table.defined]
        # by cell within a block, so that the order of the table's rows changes no flip
        order = np.lexsort((table.cell[table.defined], table.block[table.defined]))
        blocks = np.unique(table.block[table.defined][order], return_inverse=True)[1]
        block = blocks if has_blocks else np.arange(len(raw))
        # half of each, since the difference of two finite numbers may be infinite
        halves = raw[order] / 2 - np.median(raw / 2) if len(raw) else raw
        observations = cls(halves, 1.0, block, order, has_blocks)
        centered = observations.centered(halves[:, np.newaxis])[:, 0] if has_blocks else halves - _mean(halves)
        largest = float(np.abs(centered).max(initial=0))
        rounding = max(ROUNDING * float(np.abs(halves).max(initial=0)), SPACING * float(np.abs(raw).max(initial=0)))
        if largest <= rounding:
            return cls(np.zeros(len(raw)), 1.0, block, order, has_blocks)
        return cls(centered / largest, 2 * largest, block, order, has_blocks)

    @cached_property
    def starts(self) -> Int[np.ndarray, " block"]:
        """The first run of each block."""
        return np.flatnonzero(np.diff(self.block, prepend=-1))

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return len(self.starts)

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """The runs of each block."""
        ends = [*self.starts[1:], len(self.block)]
        return tuple(slice(int(start), int(end)) for start, end in zip(self.starts, ends, strict=True))

    def by_block(self, values: Float[np.ndarray, "run ..."]) -> Float[np.ndarray, "block ..."]:
        """Return the sum of the values over the runs of each block."""
        sums: np.ndarray = np.add.reduceat(values, self.starts, axis=0)
        return sums

    def centered(self, columns: Float[np.ndarray, "run parameter"]) -> Float[np.ndarray, "run parameter"]:
        """Return columns minus their blocks' means.

        Least squares on them equals a model with a column for every block (Frisch & Waugh 1933, doi:10.2307/1907330).
        """
        counts = np.diff([*self.starts, len(self.block)])
        means = self.by_block(columns) / counts[:, np.newaxis]
        centered: np.ndarray = columns - means[self.block]
        return centered


@dataclass(frozen=True, eq=False)
class LinearModel:
    """Least squares of observations on the columns of terms; estimates are in the unit of the response."""

    observations: Observations
    matrix: Float[np.ndarray, "run parameter"]
    places: Mapping[Term, slice]

    @classmethod
    def of(cls, table: RunTable, observations: Observations, terms: Sequence[Term]) -> "LinearModel":
        """Return the model of these terms. Without blocks, its first column is the mean, with the place ()."""
        columns = TermColumns.of(table, terms)
        matrix = columns.matrix[observations.order]
        if observations.has_blocks:
            return cls(observations, observations.centered(matrix), columns.places)
        shifted = {term: slice(place.start + 1, place.stop + 1) for term, place in columns.places.items()}
        return cls(observations, np.column_stack([np.ones(len(matrix)), matrix]), {(): slice(0, 1)} | shifted)

    @cached_property
    def _svd(
        self,
    ) -> tuple[Float[np.ndarray, "run rank"], Float[np.ndarray, " rank"], Float[np.ndarray, "rank parameter"]]:
        left, sizes, right = np.linalg.svd(self.matrix, full_matrices=False)
        rank = int((sizes > TINY * sizes.max(initial=0)).sum())
        return left[:, :rank], sizes[:rank], right[:rank]

    @property
    def basis(self) -> Float[np.ndarray, "run rank"]:
        """Orthonormal columns that span those of the model."""
        return self._svd[0]

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the residuals."""
        absorbed = self.observations.blocks if self.observations.has_blocks else 0
        return int(len(self.matrix) - absorbed - self.basis.shape[1])

    @cached_property
    def residual(self) -> Float[np.ndarray, " run"]:
        """The residuals, in units of the observations' scale."""
        response, basis = self.observations.response, self.basis
        residual: np.ndarray = response - basis @ (basis.T @ response)
        return residual

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the residuals in the response's unit; None without degrees of freedom."""
        if self.freedom < 1:
            return None
        return float(np.sqrt((self.residual**2).sum() / self.freedom)) * self.observations.scale

    def rows(self, term: Term, columns: slice = slice(None)) -> Float[np.ndarray, "contrast parameter"]:
        """Return the contrasts that are all 0 if a term, or these columns of it, have no effect."""
        rows: np.ndarray = np.eye(self.matrix.shape[1])[self.places[term]][columns]
        return rows

    def contrast(
        self, table: RunTable, factor: int, weights: Float[np.ndarray, " level"], partner: tuple[int, int] | None = None
    ) -> Float[np.ndarray, " parameter"]:
        """Return a weighted sum of a factor's levels, averaged over the other factors or at one partner's level.

        `partner` is the position of the partner and of its level; the model has the interaction of both.
        """
        row = np.zeros(self.matrix.shape[1])
        main = weights @ coding(table.factors[factor])
        row[self.places[factor,]] = main
        if partner is not None:
            second, level = partner
            at = coding(table.factors[second])[level]
            if (factor, second) in self.places:
                row[self.places[factor, second]] = np.kron(main, at)
            else:
                row[self.places[second, factor]] = np.kron(at, main)
        return row

    def estimable(self, contrasts: Float[np.ndarray, "contrast parameter"]) -> bool:
        """Return whether the runs determine these contrasts, whatever the other terms of the model are."""
        right = self._svd[2]
        return bool(np.allclose(contrasts @ right.T @ right, contrasts, atol=1e-7))

    def directions(self, contrasts: Float[np.ndarray, "contrast parameter"]) -> Float[np.ndarray, "run contrast"]:
        """Return the weights of the runs that estimate each estimable contrast."""
        left, sizes, right = self._svd
        directions: np.ndarray = left @ ((right @ contrasts.T) / sizes[:, np.newaxis])
        return directions

    def axes(self, contrasts: Float[np.ndarray, "contrast parameter"]) -> Float[np.ndarray, "run axis"]:
        """Return orthonormal axes of the space that estimable contrasts add to the other terms of the model."""
        return np.linalg.qr(self.directions(contrasts))[0]

    def reduced_residual(self, axes: Float[np.ndarray, "run axis"]) -> Float[np.ndarray, " run"]:
        """Return the residuals of the model without the contrasts that have these axes."""
        residual: np.ndarray = self.residual + axes @ (axes.T @ self.observations.response)
        return residual

    def partial_eta_squared(self, axes: Float[np.ndarray, "run axis"]) -> float:
        """Return the sum of squares along axes over its sum with the residuals', in [0, 1] (Cohen 1973).

        NaN if both are 0.
        """
        along = float(((axes.T @ self.observations.response) ** 2).sum())
        whole = along + float((self.residual**2).sum())
        return along / whole if whole > 0 else np.nan


def _mean(values: Float[np.ndarray, " run"]) -> float:
    return float(values.mean()) if len(values) else 0.0
