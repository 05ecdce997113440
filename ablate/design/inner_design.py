"""The design that another one builds on."""

import re
from collections.abc import Sequence

from ablate.core.errors import DesignError
from ablate.design.design import Design, DesignFactor
from ablate.design.rules import Cell

KEY_IN_FRONT = re.compile(r"\w+: ")


def inner_cells(of: Design, factors: Sequence[DesignFactor]) -> list[Cell]:
    """Return the cells of the design under the key `of`. Raises its DesignError, placed under that key."""
    try:
        return of.cells(factors)
    except DesignError as error:
        raise DesignError(f"of{'.' if KEY_IN_FRONT.match(str(error)) else ': '}{error}") from error
