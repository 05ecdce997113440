"""One factor moves the response, whatever the others are."""

import numpy as np

from ablate.inference.calibration.layout import Layout
from ablate.inference.calibration.scenario import Planted, Scenario, Sizes, cause


class OneCause(Scenario):
    """One factor, drawn at random for every study, moves the response by `effect`; all others do nothing."""

    name = "one_cause"
    title = "one cause"

    def plant(self, layout: Layout, sizes: Sizes, generator: np.random.Generator) -> Planted:
        """See Scenario."""
        return cause(layout, sizes.effect, generator)
