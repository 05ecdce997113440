"""Designs that change one factor at a time: from the base run, or from a complete system."""

from collections.abc import Sequence
from typing import ClassVar, Literal, final

from pydantic import Field

from ablate.core.errors import DesignError
from ablate.design.design import Design, DesignFactor, LevelName, level_of, position_of
from ablate.design.rules import Cell


@final
class OneAtATime(Design):
    """Changes one factor at a time from the base run. It needs few cells, and cannot show interactions."""

    caveat: ClassVar[str] = "effects hold next to the base run only, and no interaction can be seen"

    kind: Literal["one_at_a_time"] = "one_at_a_time"

    def cells(self, factors: Sequence[DesignFactor]) -> list[Cell]:
        """See Design. The base run comes first."""
        baseline = _base_cell(factors, self.kind)
        return [baseline, *_neighbors(baseline, factors)]


@final
class LeaveOneOut(Design):
    """Resets each factor of a complete system to the base run's level, and to each other level that it has.

    It needs few cells, and cannot show interactions.
    """

    caveat: ClassVar[str] = "effects hold next to the complete system only, and no interaction can be seen"

    kind: Literal["leave_one_out"] = "leave_one_out"
    complete: dict[str, LevelName] = Field(default_factory=dict)
    """Levels of the complete system, by path. A factor that is not named here has its last level."""

    def cells(self, factors: Sequence[DesignFactor]) -> list[Cell]:
        """See Design. The complete system comes first, the base run last."""
        base, complete = _base_cell(factors, self.kind), self._complete_system(factors)
        for factor, level in zip(factors, complete, strict=True):
            if level == factor.baseline:
                raise DesignError(
                    f"complete: {factor.name!r} has the base run's level {factor.level_names[level]!r}, so there is "
                    f"nothing to reset; allowed: {', '.join(factor.level_names)}; choose another level"
                )
        return [*(cell for cell in [complete, *_neighbors(complete, factors)] if cell != base), base]

    def _complete_system(self, factors: Sequence[DesignFactor]) -> Cell:
        levels = [factor.n_levels - 1 for factor in factors]
        for path, name in self.complete.items():
            position = position_of(path, factors, "complete")
            levels[position] = level_of(name, factors[position], "complete")
        return tuple(levels)


def _base_cell(factors: Sequence[DesignFactor], kind: str) -> Cell:
    """Return the base run's level of every factor. Raises DesignError if a factor does not have it."""
    return tuple(_base_level(factor, kind) for factor in factors)


def _base_level(factor: DesignFactor, kind: str) -> int:
    if factor.baseline is None:
        value = "" if factor.base_value is None else f" {factor.base_value!r}"
        raise DesignError(
            f"{kind} starts from the base run, but the base's value{value} of {factor.name!r} is not among its levels; "
            f"allowed: {', '.join(factor.level_names)}; change the base, add its value to the levels, or use "
            "full_factorial"
        )
    return factor.baseline


def _neighbors(cell: Cell, factors: Sequence[DesignFactor]) -> list[Cell]:
    """Return the cells that differ from this cell in one factor."""
    return [
        (*cell[:position], level, *cell[position + 1 :])
        for position, factor in enumerate(factors)
        for level in range(factor.n_levels)
        if level != cell[position]
    ]
