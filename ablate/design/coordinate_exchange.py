"""The search for the cells that tell most about a model."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int, UInt64

from ablate.design.model_matrix import Pair, model_matrix, parameters
from ablate.design.rules import Cell, Rules

RIDGE = 1e-5
LEAST_GAIN = 1e-6
MOST_NUMBERS = 8_000_000  # held at once: 64 MB


def exchanged(
    rules: Rules, pairs: Sequence[Pair], kept: Sequence[Cell], starts: Sequence[Sequence[Cell]]
) -> list[Cell]:
    """Return the cells that make |X'X| of the model largest together with `kept`, of those reached from any start.

    Coordinate exchange (Meyer and Nachtsheim 1995, doi:10.1080/00401706.1995.10485889): each cell in turn changes the
    one factor by which the determinant grows most, until no change lets it grow. Cells stay distinct and keep to the
    rules. Starts are taken side by side, as many as fit in memory. The cells come sorted.
    """
    width = parameters(rules.counts, pairs)
    each = width * (width + len(kept) + len(starts[0]) + sum(rules.counts))
    at_once = max(1, MOST_NUMBERS // each)
    finished: list[Int[np.ndarray, "cell factor"]] = []
    for first in range(0, len(starts), at_once):
        search = _Search(rules, pairs, kept, starts[first : first + at_once])
        while search.unfinished:
            finished.extend(search.improve())
    best = max(finished, key=lambda levels: _log_determinant(model_matrix(levels, rules.counts, pairs)))
    return sorted(tuple(cell) for cell in best[len(kept) :].tolist())


def _log_determinant(rows: Float[np.ndarray, "cell parameter"]) -> float:
    """Return log |X'X|, -inf where it is singular; rounded, so that a sum in another order makes no difference."""
    if np.linalg.matrix_rank(rows) < rows.shape[1]:
        return -np.inf
    return round(float(np.linalg.slogdet(rows.T @ rows).logabsdet), 9)


class _Search:
    """Several designs side by side: their levels, their model matrices, and the inverse of each X'X."""

    def __init__(
        self, rules: Rules, pairs: Sequence[Pair], kept: Sequence[Cell], starts: Sequence[Sequence[Cell]]
    ) -> None:
        self._rules, self._pairs, self._kept = rules, pairs, len(kept)
        self._levels: Int[np.ndarray, "design cell factor"] = np.array([[*kept, *start] for start in starts])
        self._rows: Float[np.ndarray, "design cell parameter"] = self._model(self._levels)
        self._places = np.repeat(np.arange(len(rules.counts)), rules.counts)
        self._values = np.concatenate([np.arange(count) for count in rules.counts])
        self._weights = np.random.default_rng(0).integers(2**64, size=len(rules.counts), dtype=np.uint64)
        self._inverse: Float[np.ndarray, "design parameter parameter"] = np.empty(0)

    @property
    def unfinished(self) -> int:
        """How many designs may still get better."""
        return len(self._levels)

    def improve(self) -> list[Int[np.ndarray, "cell factor"]]:
        """Let every new cell change one factor where that helps; give up the designs in which nothing did."""
        # the ridge gives a start that cannot estimate everything yet an inverse, and vanishes beside whole cells
        self._inverse = np.linalg.inv(self._rows.mT @ self._rows + RIDGE * np.eye(self._rows.shape[2]))
        moved = np.zeros(self.unfinished, bool)
        for row in range(self._kept, self._levels.shape[1]):
            moved |= self._improve(row)
        finished = list(self._levels[~moved])
        self._levels, self._rows = self._levels[moved], self._rows[moved]
        return finished

    def _improve(self, row: int) -> Bool[np.ndarray, " design"]:
        cells = self._neighbors(row)
        rows = self._model(cells)
        growth = np.where(self._may_come(cells), self._growth(row, rows), 1.0).round(9)  # so that ties stay ties
        best = growth.argmax(axis=1)
        better: np.ndarray = growth.max(axis=1) > 1 + LEAST_GAIN
        chosen = np.flatnonzero(better), best[better]
        self._replace(row, chosen[0], cells[chosen], rows[chosen])
        return better

    def _neighbors(self, row: int) -> Int[np.ndarray, "design change factor"]:
        """Return a cell with each level of each factor in turn."""
        cells = np.repeat(self._levels[:, row, None], len(self._places), axis=1)
        cells[:, np.arange(len(self._places)), self._places] = self._values
        return self._rules.settled(cells)

    def _may_come(self, cells: Int[np.ndarray, "design change factor"]) -> Bool[np.ndarray, "design change"]:
        """Return which cells are allowed and not in their design yet.

        Cells are compared by a code; where two share one by chance, a change is passed over.
        """
        taken = self._codes(cells)[:, :, None] == self._codes(self._levels)[:, None, :]
        free: np.ndarray = self._rules.allowed(cells) & ~taken.any(axis=2)
        return free

    def _growth(
        self, row: int, rows: Float[np.ndarray, "design change parameter"]
    ) -> Float[np.ndarray, "design change"]:
        """Return |X'X| with each row in place of the old one, over |X'X| (matrix determinant lemma, rank two)."""
        old = self._rows[:, row, :, None]
        weighted = rows @ self._inverse
        kept = 1 - (old.mT @ self._inverse @ old)[:, 0]
        growth: np.ndarray = (1 + (weighted * rows).sum(axis=2)) * kept + (weighted @ old)[:, :, 0] ** 2
        return growth

    def _replace(
        self,
        row: int,
        designs: Int[np.ndarray, " design"],
        cells: Int[np.ndarray, "design factor"],
        rows: Float[np.ndarray, "design parameter"],
    ) -> None:
        """Put new cells into some designs, and update their inverses (Sherman and Morrison 1950)."""
        for vectors, sign in ((rows, 1), (self._rows[designs, row], -1)):
            half = self._inverse[designs] @ vectors[:, :, None]
            self._inverse[designs] -= half @ half.mT / (sign + vectors[:, None, :] @ half)
        self._levels[designs, row], self._rows[designs, row] = cells, rows

    def _model(self, levels: Int[np.ndarray, "*cells factor"]) -> Float[np.ndarray, "*cells parameter"]:
        return model_matrix(levels, self._rules.counts, self._pairs)

    def _codes(self, cells: Int[np.ndarray, "*cells factor"]) -> UInt64[np.ndarray, "*cells"]:
        codes: np.ndarray = (cells.astype(np.uint64) * self._weights).sum(axis=-1)
        return codes
