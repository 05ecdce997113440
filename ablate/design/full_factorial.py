"""Every combination of every level."""

from collections.abc import Sequence
from itertools import islice
from typing import Literal, final

from ablate.core.errors import DesignError
from ablate.design.design import MOST_CELLS, DesignFactor
from ablate.design.restrictions import RestrictedDesign


@final
class FullFactorial(RestrictedDesign):
    """Crosses all factors: the only design that shows every interaction, at the price of every cell."""

    kind: Literal["full_factorial"] = "full_factorial"

    def cells(self, factors: Sequence[DesignFactor]) -> list[tuple[int, ...]]:
        """See Design; raises DesignError for more than 10,000 cells."""
        cells = sorted(islice(self.rules(factors).cells(), MOST_CELLS + 1))
        if len(cells) > MOST_CELLS:
            raise DesignError(
                f"full_factorial makes more than {MOST_CELLS} cells of these factors; take levels out, or use d_optimal"
            )
        return cells
