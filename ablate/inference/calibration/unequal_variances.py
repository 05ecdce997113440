"""Some levels make noisier runs than others."""

from typing import final

import numpy as np

from ablate.inference.calibration.layout import Layout
from ablate.inference.calibration.one_cause import OneCause
from ablate.inference.calibration.scenario import Planted, Runs, bystander

RATIO = 3.0


@final
class UnequalVariances(OneCause):
    """One cause; another factor changes only the noise: its standard deviation grows 3-fold from first to last level.

    It grows by equal factors from level to level, and its mean square over the levels is 1.
    """

    name = "unequal_variances"
    title = "unequal variances"

    def noise(self, layout: Layout, planted: Planted, generator: np.random.Generator) -> Runs:
        """See Scenario."""
        factor = bystander(layout, planted, generator)
        spread = np.geomspace(1, RATIO, len(layout.factors[factor].levels))
        spread /= np.sqrt(np.mean(spread**2))
        drawn = generator.standard_normal((len(layout.cells), layout.blocks))
        return spread[layout.cells[:, factor], None] * drawn
