"""The base run, and each other level alone."""

from collections.abc import Sequence
from typing import ClassVar, Literal, final

from ablate.design.base_run import base_cell, neighbors
from ablate.design.design import Design, DesignFactor


@final
class OneAtATime(Design):
    """Changes one factor at a time from the base run. Cheap, and blind to interactions."""

    caveat: ClassVar[str] = "effects hold next to the base run only, and no interaction can be seen"

    kind: Literal["one_at_a_time"] = "one_at_a_time"

    def cells(self, factors: Sequence[DesignFactor]) -> list[tuple[int, ...]]:
        """See Design; the base run comes first."""
        baseline = base_cell(factors, self.kind)
        return [baseline, *neighbors(baseline, factors)]
