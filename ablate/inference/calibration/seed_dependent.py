"""Effects that are not the same for every seed."""

from typing import final

import numpy as np

from ablate.inference.calibration.layout import Layout
from ablate.inference.calibration.one_cause import OneCause
from ablate.inference.calibration.scenario import Planted, Runs

CHANGE = 0.5


@final
class SeedDependent(OneCause):
    """One cause; every level of every factor does something else in every seed: normal, standard deviation 0.5.

    Averaged over seeds it does nothing. Tests that take matched runs for their unit assume that there is no such
    thing, so that this scenario shows what their verdicts are worth where there is.
    """

    name = "seed_dependent"
    title = "effects that change with the seed"

    def noise(self, layout: Layout, planted: Planted, generator: np.random.Generator) -> Runs:
        """See Scenario."""
        drawn = super().noise(layout, planted, generator)
        for position, factor in enumerate(layout.factors):
            change = CHANGE * generator.standard_normal((len(factor.levels), layout.blocks))
            drawn += change[layout.cells[:, position]]
        return drawn
