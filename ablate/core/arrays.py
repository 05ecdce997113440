"""The shapes of NumPy arrays that pass between files, by name; checked while the tests run."""

import numpy as np
from jaxtyping import Float, UInt8

Clips = UInt8[np.ndarray, "clip time height width"]
"""True frames as stored: 0 is black, 255 is full ink."""

Frames = Float[np.ndarray, "clip step height width"]
"""Brightness in [0, 1], one frame per forecast step."""

History = Float[np.ndarray, "clip time height width"]
"""The true frames before the first forecast step, in [0, 1]."""

FrameScores = Float[np.ndarray, "clip step"]
"""One number per clip and forecast step; NaN where it is undefined."""
