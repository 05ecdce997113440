"""Forecasts, truth and history from NumPy files."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ablate.errors import DataError

ACCEPTED = "(clip, step, height, width), with or without an axis of one channel"
SMALLEST = 11  # pixels: the window of structural similarity
LOWEST, HIGHEST = -0.5, 1.5
"""A forecast of brightness stays within these even where it overshoots; logits and 0 to 255 do not."""


@dataclass(frozen=True)
class ForecastArrays:
    """Arrays as they lie in their files, each (clip, step, height, width)."""

    forecast: np.ndarray
    truth: np.ndarray
    history: np.ndarray


def read_forecasts(forecast: Path, truth: Path, history: Path | None, *, step_first: bool) -> ForecastArrays:
    """Map the files into memory; nothing but their heads is read until it is needed.

    Raises DataError, which names the file, where one is missing or no plain .npy, or holds what is no brightness,
    and where shapes do not belong together. Values are looked through a clip at a time.
    """
    arrays = {path: _frames(path, step_first=step_first) for path in (forecast, truth, history) if path is not None}
    guess, true = arrays[forecast], arrays[truth]
    before = arrays[history] if history is not None else np.empty((len(true), 0, *true.shape[2:]), np.float32)
    if guess.shape != true.shape:
        raise DataError(f"{forecast}: its shape {guess.shape} is not that of {truth}, {true.shape}{_hint(guess, true)}")
    if (before.shape[0], *before.shape[2:]) != (true.shape[0], *true.shape[2:]):
        raise DataError(
            f"{history}: its shape {before.shape} has not the clips, height and width of {truth}, {true.shape}"
            f"{_hint(before, true)}"
        )
    for path, array in arrays.items():
        _check_values(path, array, (LOWEST, HIGHEST) if path == forecast else (0.0, 1.0))
    return ForecastArrays(guess, true, before)


def _frames(path: Path, *, step_first: bool) -> np.ndarray:
    array = _mapped(path)
    if array.ndim == 5 and 1 in (array.shape[4], array.shape[2]):  # noqa: PLR2004  # with a channel axis
        array = array[..., 0] if array.shape[4] == 1 else array[:, :, 0]
    if array.ndim != 4:  # noqa: PLR2004  # without one
        raise DataError(f"{path}: found the shape {array.shape}; must be {ACCEPTED} (--step-first: step, clip, ...)")
    array = array.swapaxes(0, 1) if step_first else array
    if 0 in array.shape:
        raise DataError(f"{path}: found the shape {array.shape}; every axis needs at least one entry")
    if min(array.shape[2:]) < SMALLEST:
        raise DataError(
            f"{path}: found frames of {array.shape[2]} x {array.shape[3]} pixels; at least {SMALLEST} a side"
        )
    if array.dtype.kind not in "buf" or (array.dtype.kind == "u" and array.dtype != np.uint8):
        raise DataError(f"{path}: found values of type {array.dtype}; must be uint8 of 0 to 255, or floats in [0, 1]")
    return array


def _mapped(path: Path) -> np.ndarray:
    try:
        with np.errstate(over="raise"):  # the size that a head claims may be beyond all integers
            array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except Exception as error:  # NumPy meets damaged files with errors of any class
        raise DataError(f"{path}: no .npy file of plain numbers: {' '.join(str(error).split())}") from error
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path}: found an archive of arrays; save each with numpy.save")
    return array


def _check_values(path: Path, array: np.ndarray, bounds: tuple[float, float]) -> None:
    """Look through the values, a clip at a time."""
    if array.dtype.kind != "f":
        return
    for clip, frames in enumerate(array):
        if not np.isfinite(frames).all():
            raise DataError(f"{path}: found NaN or infinity, first in clip {clip}; every value must be a number")
        low, high = float(frames.min()), float(frames.max())
        if low < bounds[0] or high > bounds[1]:
            raise DataError(
                f"{path}: found values from {low:.3g} to {high:.3g} in clip {clip}; brightness lies in [0, 1]: "
                + ("divide by 255, or save as uint8" if high > 2 else "apply a sigmoid, if these are logits")  # noqa: PLR2004  # no sigmoid's overshoot
            )


def _hint(one: np.ndarray, other: np.ndarray) -> str:
    swapped = (one.shape[1], one.shape[0], *one.shape[2:])
    return "; are the steps first? then --step-first" if swapped == other.shape else ""
