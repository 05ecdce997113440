"""The cell of the base run, for designs that start from it."""

from collections.abc import Sequence

from ablate.design.design import DesignFactor
from ablate.errors import DesignError


def base_cell(factors: Sequence[DesignFactor], kind: str) -> tuple[int, ...]:
    """Return the base run's level of every factor. Raises DesignError where a factor does not have it."""
    return tuple(_base_level(factor, kind) for factor in factors)


def replaced(cell: tuple[int, ...], position: int, level: int) -> tuple[int, ...]:
    """Return the cell with one factor at another level."""
    return (*cell[:position], level, *cell[position + 1 :])


def _base_level(factor: DesignFactor, kind: str) -> int:
    if factor.baseline is None:
        raise DesignError(
            f"{kind} starts from the base run, but the base's value of {factor.name!r} is not among its "
            f"levels; add it to the levels, or use full_factorial"
        )
    return factor.baseline
