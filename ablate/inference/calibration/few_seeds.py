"""Two or three seeds, however many the design has."""

from dataclasses import replace
from typing import final

import numpy as np

from ablate.inference.calibration.layout import Layout
from ablate.inference.calibration.one_cause import OneCause

FEW = (2, 3)


@final
class FewSeeds(OneCause):
    """One cause, in every study with two or three seeds in place of the design's."""

    name = "few_seeds"
    title = "two or three seeds"

    def laid_out(self, layout: Layout, generator: np.random.Generator) -> Layout:
        """See Scenario."""
        return replace(layout, blocks=int(generator.choice(FEW)))
