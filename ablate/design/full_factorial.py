"""Every combination of every level."""

from collections.abc import Sequence
from itertools import product
from typing import Literal, final

from ablate.design.design import Design, DesignFactor


@final
class FullFactorial(Design):
    """Crosses all factors: the only design that shows every interaction, at the price of every cell."""

    kind: Literal["full_factorial"] = "full_factorial"

    def cells(self, factors: Sequence[DesignFactor]) -> list[tuple[int, ...]]:
        """See Design."""
        return list(product(*(range(factor.levels) for factor in factors)))
