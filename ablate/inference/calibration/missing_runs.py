"""Runs that fail by chance."""

from typing import final

import numpy as np

from ablate.inference.calibration.layout import Layout
from ablate.inference.calibration.one_cause import OneCause
from ablate.inference.calibration.scenario import Marked, Planted

SHARE = 0.1


@final
class MissingRuns(OneCause):
    """One cause; a tenth of the runs, drawn at random, give no response."""

    name = "missing_runs"
    title = "missing runs"

    def lost(self, layout: Layout, planted: Planted, generator: np.random.Generator) -> Marked:  # noqa: ARG002  # by chance
        """See Scenario."""
        return generator.random((len(layout.cells), layout.blocks)) < SHARE
