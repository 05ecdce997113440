"""Runs that diverge at one level more often than elsewhere."""

from typing import final

import numpy as np

from ablate.inference.calibration.layout import Layout
from ablate.inference.calibration.one_cause import OneCause
from ablate.inference.calibration.scenario import Marked, Planted, bystander

OFTEN, SELDOM = 0.3, 0.05


@final
class DivergingLevel(OneCause):
    """One cause; at the last level of another factor 30 % of the runs give no response, elsewhere 5 %."""

    name = "diverging_level"
    title = "a level that diverges"

    def lost(self, layout: Layout, planted: Planted, generator: np.random.Generator) -> Marked:
        """See Scenario."""
        factor = bystander(layout, planted, generator)
        last = layout.cells[:, factor] == len(layout.factors[factor].levels) - 1
        return generator.random((len(layout.cells), layout.blocks)) < np.where(last, OFTEN, SELDOM)[:, None]
