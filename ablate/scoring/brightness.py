"""Anybody's arrays as brightness."""

from typing import Any

import numpy as np

from ablate.arrays import Frames


def as_brightness(array: Any) -> Frames:
    """Return frames as floats: uint8 0 to 255 becomes 0 to 1, floats and booleans keep their values.

    Takes NumPy arrays and torch tensors of any device and precision, without loading torch.
    """
    if hasattr(array, "detach"):
        array = array.detach().cpu()
        array = (array.float() if array.is_floating_point() else array).numpy()
    values = np.asarray(array)
    if values.dtype == np.uint8:
        return values.astype(np.float32) / 255
    return values if values.dtype in (np.float32, np.float64) else values.astype(np.float32)
