"""The complete system, each other level of its parts alone, and the base run."""

from collections.abc import Sequence
from typing import ClassVar, Literal, final

from pydantic import Field

from ablate.core.errors import DesignError
from ablate.design.base_run import base_cell, neighbors
from ablate.design.design import Design, DesignFactor
from ablate.design.names import LevelName, level_of, position_of


@final
class LeaveOneOut(Design):
    """Takes each factor of a complete system back to the base run's level, and to each other level that it has.

    Cheap, and blind to interactions.
    """

    caveat: ClassVar[str] = "effects hold next to the complete system only, and no interaction can be seen"

    kind: Literal["leave_one_out"] = "leave_one_out"
    complete: dict[str, LevelName] = Field(default_factory=dict)
    """The level of a factor in the complete system, by path; the last level of every factor that is not named."""

    def cells(self, factors: Sequence[DesignFactor]) -> list[tuple[int, ...]]:
        """See Design; the complete system comes first, the base run last."""
        base, complete = base_cell(factors, self.kind), self._complete(factors)
        for factor, level in zip(factors, complete, strict=True):
            if level == factor.baseline:
                raise DesignError(
                    f"complete: {factor.name!r} has the base run's level {factor.names[level]!r}, so that nothing is "
                    f"left to take back; name another: {', '.join(factor.names)}"
                )
        return [*(cell for cell in [complete, *neighbors(complete, factors)] if cell != base), base]

    def _complete(self, factors: Sequence[DesignFactor]) -> tuple[int, ...]:
        levels = [factor.levels - 1 for factor in factors]
        for path, name in self.complete.items():
            position = position_of(path, factors, "complete")
            levels[position] = level_of(name, factors[position], "complete")
        return tuple(levels)
