"""An effect just too large to be none."""

from typing import final

import numpy as np

from ablate.inference.calibration.layout import Layout
from ablate.inference.calibration.scenario import Planted, Scenario, Sizes, cause


@final
class EffectAtMargin(Scenario):
    """One factor moves the response by exactly the margin: the hardest case in which "not a cause" is wrong."""

    name = "effect_at_margin"
    title = "effect as large as the margin"

    def plant(self, layout: Layout, sizes: Sizes, generator: np.random.Generator) -> Planted:
        """See Scenario."""
        return cause(layout, sizes.margin, generator)
