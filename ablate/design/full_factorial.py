"""Every combination of every level."""

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Literal, final

from ablate.design.design import Design, DesignFactor
from ablate.errors import DesignError

MOST_CELLS = 10_000


@final
class FullFactorial(Design):
    """Crosses all factors: the only design that shows every interaction, at the price of every cell."""

    kind: Literal["full_factorial"] = "full_factorial"

    def cells(self, factors: Sequence[DesignFactor]) -> list[tuple[int, ...]]:
        """See Design; raises DesignError for more than 10,000 cells."""
        count = prod(factor.levels for factor in factors)
        if count > MOST_CELLS:
            raise DesignError(f"full_factorial makes {count} cells of these factors; at most {MOST_CELLS} are allowed")
        return list(product(*(range(factor.levels) for factor in factors)))
