"""How much brighter pixels are than others that get as much light from the digits."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ablate.core.arrays import Frames
from ablate.measurement.metrics.ghost_masks import Mask
from ablate.measurement.metrics.halo import LEVELS, HaloLevel
from ablate.measurement.metrics.pixels import Pixels, pixels_where

OfPixels = Float[np.ndarray, " pixel"]


@dataclass(frozen=True)
class Excess:
    """The pixels that can be compared with a control, and by how much they exceed it."""

    pixels: Pixels
    control: OfPixels
    """The mean forecast over the control pixels at the same halo level of the same frame."""
    value: OfPixels
    """The forecast minus that."""


def excess_over(pixels: Mask, control: Mask, forecast: Frames, halo: HaloLevel) -> Excess:
    """Compare the forecast on some pixels with its mean over the control pixels at their halo level.

    Blur and haze, which fall on both alike, cancel. Pixels at a level without control drop out, so that the
    rest is compared with a control of exactly its own mix of levels.
    """
    dark, chosen = pixels_where(control), pixels_where(pixels)
    by_level = dark.group_means(dark.of(forecast), dark.of(halo), LEVELS).reshape(-1, LEVELS)
    expected = by_level[chosen.frame, chosen.of(halo)]
    known = ~np.isnan(expected)
    chosen, expected = chosen.only(known), expected[known]
    return Excess(chosen, expected, chosen.of(forecast) - expected)
