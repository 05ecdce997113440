"""Which cells may be run at all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

Cell = tuple[int, ...]


@dataclass(frozen=True)
class Condition:
    """The factor at `position` rests at one level, except where each other factor has one of the levels given."""

    position: int
    resting: int
    others: Mapping[int, frozenset[int]]

    def holds(self, cell: Mapping[int, int]) -> bool:
        """Say whether the factor may leave its rest beside these levels, by position."""
        return all(cell[position] in levels for position, levels in self.others.items())


@dataclass(frozen=True)
class Rules:
    """Cells by level index: how many levels each factor has, what is forbidden, and which factors rest where.

    A forbidden combination is some factors' levels, by position. A condition comes after those on the factors that it
    asks about.
    """

    counts: tuple[int, ...]
    forbidden: tuple[Mapping[int, int], ...] = ()
    conditions: tuple[Condition, ...] = ()

    def settled(self, cells: Int[np.ndarray, "*cells factor"]) -> Int[np.ndarray, "*cells factor"]:
        """Return the cells with every factor whose condition fails at rest."""
        cells = cells.copy()
        for condition in self.conditions:
            holds = [np.isin(cells[..., other], list(levels)) for other, levels in condition.others.items()]
            cells[..., condition.position][~np.all(holds, axis=0)] = condition.resting
        return cells

    def allowed(self, cells: Int[np.ndarray, "*cells factor"]) -> Bool[np.ndarray, "*cells"]:
        """Return which settled cells have no forbidden combination."""
        allowed = np.ones(cells.shape[:-1], bool)
        for combination in self.forbidden:
            allowed &= ~np.all([cells[..., position] == level for position, level in combination.items()], axis=0)
        return allowed

    def resting(self, cell: Cell) -> list[int]:
        """Return the positions of the factors whose condition fails in a cell."""
        levels = dict(enumerate(cell))
        return [condition.position for condition in self.conditions if not condition.holds(levels)]

    def cells(self, given: Mapping[int, int] | None = None) -> Iterator[Cell]:
        """Yield every cell that may be run, once; with `given`, those that have these levels."""
        return self._completed({}, given or {}, None)

    def draw(self, rng: np.random.Generator) -> Cell:
        """Return a cell at random: each factor's level by even chances, of those that the others leave it."""
        return next(self._completed({}, {}, rng))

    def _completed(
        self, chosen: Mapping[int, int], given: Mapping[int, int], rng: np.random.Generator | None
    ) -> Iterator[Cell]:
        """Go through the levels of the next factor, unconditional factors first, and step back where one is barred."""
        if len(chosen) == len(self.counts):
            yield tuple(chosen[position] for position in range(len(self.counts)))
            return
        position = self._order()[len(chosen)]
        levels = self._levels(position, chosen)
        for level in levels if rng is None else rng.permutation(levels).tolist():
            longer = {**chosen, position: level}
            if given.get(position, level) == level and not self._barred(position, longer):
                yield from self._completed(longer, given, rng)

    def _order(self) -> list[int]:
        conditional = [condition.position for condition in self.conditions]
        return [position for position in range(len(self.counts)) if position not in conditional] + conditional

    def _levels(self, position: int, chosen: Mapping[int, int]) -> list[int]:
        for condition in self.conditions:
            if condition.position == position and not condition.holds(chosen):
                return [condition.resting]
        return list(range(self.counts[position]))

    def _barred(self, position: int, chosen: Mapping[int, int]) -> bool:
        return any(position in combination and combination.items() <= chosen.items() for combination in self.forbidden)
