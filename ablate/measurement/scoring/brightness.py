"""Arrays of any origin as brightness, and the check that a file's values are brightness."""

from typing import Any

import numpy as np

from ablate.core.arrays import Clips, Frames
from ablate.core.errors import DataError

FULL_INK = 255
"""Full brightness of integers."""
LOWEST, HIGHEST = -0.5, 1.5
"""A forecast of brightness stays within these even where it overshoots; logits and 0 to 255 do not."""
FLOAT32_BYTES = 4


def as_numpy(array: Any) -> np.ndarray:
    """Return an array of any origin as a NumPy array: also a torch tensor of any device and precision.

    Loads no torch. Floats that NumPy lacks, such as bfloat16, become float32.
    """
    if hasattr(array, "detach"):
        array = array.detach().cpu()
        short = array.is_floating_point() and array.element_size() < FLOAT32_BYTES  # NumPy has no bfloat16
        array = (array.float() if short else array).numpy()
    return np.asarray(array)


def as_brightness(array: Any) -> Frames:
    """Return frames as floats: integers from 0 to 255 become 0 to 1, floats and booleans keep their values.

    Takes what `as_numpy` takes. float32 and float64 keep their precision, all others become float32.
    """
    values = as_numpy(array)
    if values.dtype.kind in "iu":
        return values.astype(np.float32) / FULL_INK
    return values if values.dtype in (np.float32, np.float64) else values.astype(np.float32)


def as_ink(frames: Frames) -> Clips:
    """Return brightness as uint8, 255 for full ink; values outside [0, 1] are clipped."""
    ink: Clips = np.rint(frames.clip(0, 1) * FULL_INK).astype(np.uint8)
    return ink


def check_brightness(name: str, frames: np.ndarray, *, forecast: bool) -> None:
    """Check the values of the array of this name, a clip at a time, in bounded memory.

    True frames must be in [0, 1], forecasts from LOWEST to HIGHEST, integers from 0 to FULL_INK. Raises DataError,
    which says what was found and what to do.
    """
    if frames.dtype.kind == "f":
        _check_finite(name, frames)
        _check_floats(name, *_range(frames), forecast=forecast)
    elif frames.dtype.kind in "iu":
        _check_integers(name, *_range(frames))
    elif frames.dtype.kind != "b":
        raise DataError(
            f"{name}: found values of type {frames.dtype}; must be integers from 0 to {FULL_INK}, floats in [0, 1], or "
            "booleans"
        )


def _range(frames: np.ndarray) -> tuple[float, float]:
    return min(float(clip.min()) for clip in frames), max(float(clip.max()) for clip in frames)


def _check_finite(name: str, frames: np.ndarray) -> None:
    missing = [int(np.count_nonzero(~np.isfinite(clip))) for clip in frames]
    if any(missing):
        clip = np.flatnonzero(missing)[0]
        step, row, column = np.argwhere(~np.isfinite(frames[clip]))[0]
        raise DataError(
            f"{name}: found NaN or infinity in {sum(missing)} of {frames.size} values, first in clip {clip}, frame "
            f"{step}, row {row}, column {column}, counted from 0; every value must be a number"
        )


def _check_floats(name: str, low: float, high: float, *, forecast: bool) -> None:
    lowest, highest = (LOWEST, HIGHEST) if forecast else (0.0, 1.0)
    if low < lowest or high > highest:
        raise DataError(
            f"{name}: found values from {low:.3g} to {high:.3g}; brightness is in [0, 1]: "
            + _remedy(low, high, forecast=forecast)
        )


def _remedy(low: float, high: float, *, forecast: bool) -> str:
    if low < LOWEST and high < FULL_INK / 2:
        return "apply a sigmoid, if these are logits" if forecast else "undo their normalization"
    if high > HIGHEST:
        return f"divide by {FULL_INK}, or save as uint8, if that is full brightness; else clip them with numpy.clip"
    return "clip them with numpy.clip"


def _check_integers(name: str, low: float, high: float) -> None:
    values_found = f"{name}: found integers from {low:.0f} to {high:.0f}; full brightness is {FULL_INK}: "
    if low < 0 or high > FULL_INK:
        raise DataError(f"{values_found}save as uint8 from 0 to {FULL_INK}, or as floats in [0, 1]")
    if high == 1:
        raise DataError(f"{values_found}save a mask of 0 and 1 as booleans, array.astype(bool)")
