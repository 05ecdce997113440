"""Which cells may be run: forbidden combinations, and factors that vary only under a condition."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

Cell = tuple[int, ...]
"""One level index per factor."""


@dataclass(frozen=True)
class Condition:
    """A conditional factor: it is active, and may vary, only if each factor it depends on has an allowed level.

    Where it is inactive, it has `inactive_level`. `allowed_levels` maps positions of factors to their allowed levels.
    """

    position: int
    inactive_level: int
    allowed_levels: Mapping[int, frozenset[int]]

    def is_active(self, levels: Mapping[int, int]) -> bool:
        """Return whether the factor may vary, given the levels of the factors it depends on, by position."""
        return all(levels[position] in allowed for position, allowed in self.allowed_levels.items())


@dataclass(frozen=True)
class Rules:
    """The rules over cells: the number of levels of each factor, forbidden combinations, conditional factors.

    A forbidden combination maps positions of factors to levels. A condition comes after the conditions of the factors
    that it depends on.
    """

    counts: tuple[int, ...]
    forbidden: tuple[Mapping[int, int], ...] = ()
    conditions: tuple[Condition, ...] = ()

    def canonical(self, cells: Int[np.ndarray, "*cells factor"]) -> Int[np.ndarray, "*cells factor"]:
        """Return the cells with every inactive factor at its inactive level."""
        cells = cells.copy()
        for condition in self.conditions:
            allowed = [
                np.isin(cells[..., position], list(levels)) for position, levels in condition.allowed_levels.items()
            ]
            cells[..., condition.position][~np.all(allowed, axis=0)] = condition.inactive_level
        return cells

    def allowed(self, cells: Int[np.ndarray, "*cells factor"]) -> Bool[np.ndarray, "*cells"]:
        """Return which canonical cells contain no forbidden combination."""
        allowed = np.ones(cells.shape[:-1], bool)
        for combination in self.forbidden:
            allowed &= ~np.all([cells[..., position] == level for position, level in combination.items()], axis=0)
        return allowed

    def inactive_factors(self, cell: Cell) -> list[int]:
        """Return the positions of the factors that are inactive in a cell."""
        levels = dict(enumerate(cell))
        return [condition.position for condition in self.conditions if not condition.is_active(levels)]

    def cells(self, fixed_levels: Mapping[int, int] | None = None) -> Iterator[Cell]:
        """Yield every cell that may be run, once; with `fixed_levels`, only cells with these levels, by position."""
        return self._completions({}, fixed_levels or {}, None)

    def draw(self, rng: np.random.Generator) -> Cell:
        """Return a random cell: factor by factor, each level that is still possible with equal probability."""
        return next(self._completions({}, {}, rng))

    def _completions(
        self, levels: Mapping[int, int], fixed_levels: Mapping[int, int], rng: np.random.Generator | None
    ) -> Iterator[Cell]:
        """Yield the cells with these levels, by depth-first search; conditional factors come last."""
        if len(levels) == len(self.counts):
            yield tuple(levels[position] for position in range(len(self.counts)))
            return
        position = self._order()[len(levels)]
        candidates = self._candidates(position, levels)
        for level in candidates if rng is None else rng.permutation(candidates).tolist():
            extended = {**levels, position: level}
            if fixed_levels.get(position, level) == level and not self._is_forbidden(position, extended):
                yield from self._completions(extended, fixed_levels, rng)

    def _order(self) -> list[int]:
        conditional = [condition.position for condition in self.conditions]
        return [position for position in range(len(self.counts)) if position not in conditional] + conditional

    def _candidates(self, position: int, levels: Mapping[int, int]) -> list[int]:
        for condition in self.conditions:
            if condition.position == position and not condition.is_active(levels):
                return [condition.inactive_level]
        return list(range(self.counts[position]))

    def _is_forbidden(self, position: int, levels: Mapping[int, int]) -> bool:
        return any(position in combination and combination.items() <= levels.items() for combination in self.forbidden)
