"""Coordinate exchange: the search for the cells that maximize the determinant |X'X| of a model."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int, UInt64

from ablate.design.model_matrix import Pair, model_matrix, parameters
from ablate.design.rules import Cell, Rules

RIDGE = 1e-5  # small beside the 1 that a cell adds
MIN_GAIN = 1e-6  # below it, rounding would let the search go round in circles
MAX_NUMBERS = 8_000_000  # in memory at a time: 64 MB


def coordinate_exchange(
    rules: Rules, pairs: Sequence[Pair], fixed_cells: Sequence[Cell], starts: Sequence[Sequence[Cell]]
) -> list[Cell]:
    """Return the best cells that the search reaches from any start: |X'X| is largest together with `fixed_cells`.

    Coordinate exchange (Meyer and Nachtsheim 1995, doi:10.1080/00401706.1995.10485889): each cell in turn changes the
    one factor that increases the determinant most, until no change increases it. Cells stay distinct and obey the
    rules. The search handles as many starts at a time as fit in memory. The cells are sorted.
    """
    width = parameters(rules.counts, pairs)
    numbers_per_start = width * (width + len(fixed_cells) + len(starts[0]) + sum(rules.counts))
    at_a_time = max(1, MAX_NUMBERS // numbers_per_start)
    finished: list[Int[np.ndarray, "cell factor"]] = []
    for first in range(0, len(starts), at_a_time):
        search = _Search(rules, pairs, fixed_cells, starts[first : first + at_a_time])
        while search.n_designs:
            finished.extend(search.improve())
    best = max(finished, key=lambda levels: _log_determinant(model_matrix(levels, rules.counts, pairs)))
    return sorted(tuple(cell) for cell in best[len(fixed_cells) :].tolist())


def _log_determinant(rows: Float[np.ndarray, "cell parameter"]) -> float:
    """Return log |X'X|, or -inf if it is singular; rounded, so that the order of summation does not matter."""
    if np.linalg.matrix_rank(rows) < rows.shape[1]:
        return -np.inf
    return round(float(np.linalg.slogdet(rows.T @ rows).logabsdet), 9)


class _Search:
    """Several designs that may still improve: their levels, their model matrices, and the inverse of each X'X."""

    def __init__(
        self, rules: Rules, pairs: Sequence[Pair], fixed_cells: Sequence[Cell], starts: Sequence[Sequence[Cell]]
    ) -> None:
        self._rules, self._pairs, self._n_fixed = rules, pairs, len(fixed_cells)
        self._levels: Int[np.ndarray, "design cell factor"] = np.array([[*fixed_cells, *start] for start in starts])
        self._rows: Float[np.ndarray, "design cell parameter"] = self._model(self._levels)
        self._changed_factors = np.repeat(np.arange(len(rules.counts)), rules.counts)
        self._changed_levels = np.concatenate([np.arange(count) for count in rules.counts])
        self._hash_weights = np.random.default_rng(0).integers(2**64, size=len(rules.counts), dtype=np.uint64)
        self._inverse: Float[np.ndarray, "design parameter parameter"] = np.empty(0)

    @property
    def n_designs(self) -> int:
        """Number of designs that may still improve."""
        return len(self._levels)

    def improve(self) -> list[Int[np.ndarray, "cell factor"]]:
        """Let every new cell change one factor if that helps. Remove and return the designs in which nothing helped."""
        # a start may not estimate every parameter yet: the ridge gives it an inverse
        self._inverse = np.linalg.inv(self._rows.mT @ self._rows + RIDGE * np.eye(self._rows.shape[2]))
        improved = np.zeros(self.n_designs, bool)
        for row in range(self._n_fixed, self._levels.shape[1]):
            improved |= self._improve(row)
        finished = list(self._levels[~improved])
        self._levels, self._rows = self._levels[improved], self._rows[improved]
        return finished

    def _improve(self, row: int) -> Bool[np.ndarray, " design"]:
        cells = self._neighbors(row)
        rows = self._model(cells)
        growth = np.where(self._is_available(cells), self._growth(row, rows), 1.0).round(
            9
        )  # so that ties stay ties on every machine
        best = growth.argmax(axis=1)
        better: np.ndarray = growth.max(axis=1) > 1 + MIN_GAIN
        changes = np.flatnonzero(better), best[better]
        self._replace(row, changes[0], cells[changes], rows[changes])
        return better

    def _neighbors(self, row: int) -> Int[np.ndarray, "design change factor"]:
        """Return the variants of a cell in which one factor has another level, or the same."""
        cells = np.repeat(self._levels[:, row, None], len(self._changed_factors), axis=1)
        cells[:, np.arange(len(self._changed_factors)), self._changed_factors] = self._changed_levels
        return self._rules.canonical(cells)

    def _is_available(self, cells: Int[np.ndarray, "design change factor"]) -> Bool[np.ndarray, "design change"]:
        """Return which cells are allowed and not in their design yet.

        Cells are compared by a hash. If two cells share it by chance, the search skips a change.
        """
        present = self._hashes(cells)[:, :, None] == self._hashes(self._levels)[:, None, :]
        available: np.ndarray = self._rules.allowed(cells) & ~present.any(axis=2)
        return available

    def _growth(
        self, row: int, rows: Float[np.ndarray, "design change parameter"]
    ) -> Float[np.ndarray, "design change"]:
        """Return the factor by which |X'X| grows if a row replaces the old one (matrix determinant lemma, rank two)."""
        old = self._rows[:, row, :, None]
        weighted = rows @ self._inverse
        remaining = 1 - (old.mT @ self._inverse @ old)[:, 0]
        growth: np.ndarray = (1 + (weighted * rows).sum(axis=2)) * remaining + (weighted @ old)[:, :, 0] ** 2
        return growth

    def _replace(
        self,
        row: int,
        designs: Int[np.ndarray, " design"],
        cells: Int[np.ndarray, "design factor"],
        rows: Float[np.ndarray, "design parameter"],
    ) -> None:
        """Replace a cell in some designs, and update their inverses (Sherman and Morrison 1950)."""
        for vectors, sign in ((rows, 1), (self._rows[designs, row], -1)):
            half = self._inverse[designs] @ vectors[:, :, None]
            self._inverse[designs] -= half @ half.mT / (sign + vectors[:, None, :] @ half)
        self._levels[designs, row], self._rows[designs, row] = cells, rows

    def _model(self, levels: Int[np.ndarray, "*cells factor"]) -> Float[np.ndarray, "*cells parameter"]:
        return model_matrix(levels, self._rules.counts, self._pairs)

    def _hashes(self, cells: Int[np.ndarray, "*cells factor"]) -> UInt64[np.ndarray, "*cells"]:
        hashes: np.ndarray = (cells.astype(np.uint64) * self._hash_weights).sum(axis=-1)
        return hashes
