"""How bright digits stand in a forecast."""

import numpy as np

from ablate.core.arrays import FrameScores
from ablate.measurement.metrics.excess import Excess

FADED = 0.1
"""Brightness by which a digit must exceed the control pixels, or there is no digit left to compare with."""


def unless_faded(brightness: FrameScores, excess: Excess) -> FrameScores:
    """Return the digits' mean brightness; NaN where it exceeds the mean control of `excess` by less than FADED.

    So a blank forecast has none, and neither has one that is equally gray all over.
    """
    return np.where(brightness - excess.pixels.mean(excess.control) >= FADED, brightness, np.nan)
