"""Every combination of levels."""

from collections.abc import Sequence
from itertools import islice
from typing import Literal, final

from ablate.core.errors import DesignError
from ablate.design.design import MAX_CELLS, DesignFactor
from ablate.design.restrictions import RestrictedDesign
from ablate.design.rules import Cell


@final
class FullFactorial(RestrictedDesign):
    """Crosses all factors. It alone can estimate every interaction, and it needs the most cells."""

    kind: Literal["full_factorial"] = "full_factorial"

    def cells(self, factors: Sequence[DesignFactor]) -> list[Cell]:
        """See Design. Raises DesignError for more than 10,000 cells."""
        cells = sorted(islice(self.rules(factors).cells(), MAX_CELLS + 1))
        if len(cells) > MAX_CELLS:
            raise DesignError(
                f"full_factorial makes more than {MAX_CELLS} cells of these factors; remove levels, or use d_optimal"
            )
        return cells
