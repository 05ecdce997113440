"""The cell of the base run and the cells around one, for designs that change one factor at a time."""

from collections.abc import Sequence

from ablate.core.errors import DesignError
from ablate.design.design import DesignFactor


def base_cell(factors: Sequence[DesignFactor], kind: str) -> tuple[int, ...]:
    """Return the base run's level of every factor. Raises DesignError where a factor does not have it."""
    return tuple(_base_level(factor, kind) for factor in factors)


def neighbors(cell: tuple[int, ...], factors: Sequence[DesignFactor]) -> list[tuple[int, ...]]:
    """Return the cell with each other level of each factor alone."""
    return [
        (*cell[:position], level, *cell[position + 1 :])
        for position, factor in enumerate(factors)
        for level in range(factor.levels)
        if level != cell[position]
    ]


def _base_level(factor: DesignFactor, kind: str) -> int:
    if factor.baseline is None:
        raise DesignError(
            f"{kind} starts from the base run, but the base's value of {factor.name!r} is not among its "
            f"levels; add it to the levels, or use full_factorial"
        )
    return factor.baseline
