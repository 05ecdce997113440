"""How much of the digits' light a blur would bring to each pixel around them."""

import numpy as np
from jaxtyping import Float, UInt8

from ablate.core.arrays import Frames

SIGMA = 2.5
"""Width in pixels of the blur: amid those that forecasts show (1 to 4 pixels)."""
PER_OCTAVE = 2
"""Levels for each halving of the light, so that light within a level differs by less than a factor of 1.42."""
OCTAVES = 10
"""Halvings that are told apart: below a thousandth of a digit's light there is no halo."""
LEVELS = PER_OCTAVE * OCTAVES + 1

HaloLevel = UInt8[np.ndarray, "clip step height width"]


def halo_level(digits: Frames) -> HaloLevel:
    """Return floor(-PER_OCTAVE * log2(digits blurred by SIGMA)), at most LEVELS - 1: 0 is bright, the last dark.

    Pixels of one level get about equally much light from the digits under any blur, wherever they lie: beside a
    stroke, off its end, or in a bend, where the same distance means more light. The blur is a Gaussian without end, the
    outside of the frame dark; as a product of matrices, which is fast at these sizes.
    """
    height, width = digits.shape[2:]
    light = _gaussian(height, digits.dtype) @ digits @ _gaussian(width, digits.dtype)
    level: HaloLevel = (-PER_OCTAVE * np.log2(np.clip(light, 2.0**-OCTAVES, 1.0))).astype(np.uint8)
    return level


def _gaussian(side: int, dtype: np.dtype[np.floating]) -> Float[np.ndarray, "side side"]:
    """Return the weight of each pixel in a row for the blurred value of each."""
    apart = np.subtract.outer(np.arange(side), np.arange(side))
    return np.asarray(np.exp(-0.5 * (apart / SIGMA) ** 2) / (SIGMA * np.sqrt(2 * np.pi)), dtype)
