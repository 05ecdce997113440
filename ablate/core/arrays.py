"""Named shapes of NumPy arrays; the tests check them."""

import numpy as np
from jaxtyping import Float, UInt8

Clips = UInt8[np.ndarray, "clip time height width"]
"""Target frames as stored: 0 is black, 255 is white."""

ClipSteps = UInt8[np.ndarray, "clip step height width"]
"""One stored frame per forecast step."""

Frames = Float[np.ndarray, "clip step height width"]
"""Brightness in [0, 1], one frame per forecast step."""

History = Float[np.ndarray, "clip time height width"]
"""Target frames before the first forecast step, in [0, 1]."""

FrameScores = Float[np.ndarray, "clip step"]
"""One number per clip and forecast step; NaN if the metric is undefined there."""
