"""Nothing planted at all."""

from typing import final

import numpy as np

from ablate.inference.calibration.layout import Layout
from ablate.inference.calibration.scenario import Planted, Scenario, Sizes


@final
class NoEffect(Scenario):
    """Every factor does nothing: whatever is named is a false alarm."""

    name = "no_effect"
    title = "no effect"

    def plant(self, layout: Layout, sizes: Sizes, generator: np.random.Generator) -> Planted:  # noqa: ARG002  # nothing
        """See Scenario."""
        return Planted(np.zeros(len(layout.cells)))
