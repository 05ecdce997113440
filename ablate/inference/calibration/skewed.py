"""Many runs a little low, a few very high."""

from typing import final

import numpy as np

from ablate.inference.calibration.layout import Layout
from ablate.inference.calibration.one_cause import OneCause
from ablate.inference.calibration.scenario import Planted, Runs

SIGMA = 1.0


@final
class Skewed(OneCause):
    """One cause, under log-normal noise (sigma 1, skewness 6.2), moved to mean 0 and scaled to standard deviation 1."""

    name = "skewed"
    title = "skewed noise"

    def noise(self, layout: Layout, planted: Planted, generator: np.random.Generator) -> Runs:  # noqa: ARG002  # the same everywhere
        """See Scenario."""
        drawn = generator.lognormal(0, SIGMA, (len(layout.cells), layout.blocks))
        mean = np.exp(SIGMA**2 / 2)
        noise: np.ndarray = (drawn - mean) / (mean * np.sqrt(np.expm1(SIGMA**2)))
        return noise
