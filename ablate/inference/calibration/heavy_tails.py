"""A few runs far off."""

from typing import final

import numpy as np

from ablate.inference.calibration.layout import Layout
from ablate.inference.calibration.one_cause import OneCause
from ablate.inference.calibration.scenario import Planted, Runs

FREEDOM = 3


@final
class HeavyTails(OneCause):
    """One cause, under noise from Student's t with 3 degrees of freedom, scaled to a standard deviation of 1."""

    name = "heavy_tails"
    title = "heavy tails"

    def noise(self, layout: Layout, planted: Planted, generator: np.random.Generator) -> Runs:  # noqa: ARG002  # the same everywhere
        """See Scenario."""
        drawn = generator.standard_t(FREEDOM, (len(layout.cells), layout.blocks))
        noise: np.ndarray = drawn / np.sqrt(FREEDOM / (FREEDOM - 2))
        return noise
