"""The base run, and each other level alone."""

from collections.abc import Sequence
from typing import Literal, final

from ablate.design.design import Design, DesignFactor
from ablate.errors import DesignError


@final
class OneAtATime(Design):
    """Changes one factor at a time from the base run. Cheap, and blind to interactions."""

    kind: Literal["one_at_a_time"] = "one_at_a_time"

    def cells(self, factors: Sequence[DesignFactor]) -> list[tuple[int, ...]]:
        """See Design; the base run comes first."""
        baseline = tuple(_baseline(factor) for factor in factors)
        changes = [
            (position, level)
            for position, factor in enumerate(factors)
            for level in range(factor.levels)
            if level != factor.baseline
        ]
        return [baseline, *(_replaced(baseline, position, level) for position, level in changes)]


def _baseline(factor: DesignFactor) -> int:
    if factor.baseline is None:
        raise DesignError(
            f"one_at_a_time starts from the base run, but the base's value of {factor.name!r} is not among its "
            f"levels; add it to the levels, or use full_factorial"
        )
    return factor.baseline


def _replaced(cell: tuple[int, ...], position: int, level: int) -> tuple[int, ...]:
    return (*cell[:position], level, *cell[position + 1 :])
