"""How bright digits stand in a forecast."""

import numpy as np

from ablate.arrays import Frames, FrameScores
from ablate.metrics.excess import mean_over
from ablate.metrics.ghost_masks import Mask

FADED = 0.1
"""Brightness by which a digit must exceed the control pixels, or there is no digit left to compare with."""


def signal(digits: Mask, forecast: Frames, excess: Frames, stale: Mask) -> FrameScores:
    """Return the mean forecast over the digits; NaN where it exceeds the stale pixels' control by less than FADED.

    So a blank forecast has none, and neither has one that is equally grey all over.
    """
    brightness = mean_over(digits, forecast)
    control = mean_over(stale, forecast - excess)
    return np.where(brightness - control >= FADED, brightness, np.nan)
