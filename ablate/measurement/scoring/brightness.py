"""Anybody's arrays as brightness."""

from typing import Any

import numpy as np

from ablate.core.arrays import Clips, Frames
from ablate.measurement.scoring.brightness_range import FULL_INK

SINGLE = 4  # bytes


def as_brightness(array: Any) -> Frames:
    """Return frames as floats: integers from 0 to 255 become 0 to 1, floats and booleans keep their values.

    Takes NumPy arrays and torch tensors of any device and precision, without loading torch. float32 and float64 keep
    their precision, all others become float32.
    """
    if hasattr(array, "detach"):
        array = array.detach().cpu()
        short = array.is_floating_point() and array.element_size() < SINGLE  # NumPy has no bfloat16
        array = (array.float() if short else array).numpy()
    values = np.asarray(array)
    if values.dtype.kind in "iu":
        return values.astype(np.float32) / FULL_INK
    return values if values.dtype in (np.float32, np.float64) else values.astype(np.float32)


def as_ink(frames: Frames) -> Clips:
    """Return brightness as uint8, 255 for full ink; what lies outside [0, 1] is clipped."""
    ink: Clips = np.rint(frames.clip(0, 1) * 255).astype(np.uint8)
    return ink
