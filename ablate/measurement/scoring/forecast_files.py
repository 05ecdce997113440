"""Forecasts, targets and history from NumPy files, or from arrays in memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import MAGIC_PREFIX

from ablate.core.errors import DataError
from ablate.measurement.scoring.brightness import as_numpy, check_brightness

ACCEPTED = (
    "(clip, step, height, width), with one channel (..., 1) or (clip, step, 1, height, width); use --step-first if "
    "all files have their steps first"
)
SWAPPED = "; one of the two has its steps first: swap its axes 0 and 1 with numpy.swapaxes (--step-first swaps both)"
ZIP_START = b"PK"  # an .npz file is a zip
MAX_ARCHIVED = 4 << 30  # bytes, since an array in an archive cannot be mapped and is held in memory
MIN_SIDE = 11  # pixels: the window of structural similarity


@dataclass(frozen=True)
class ForecastArrays:
    """Arrays with the values of their files, each (clip, step, height, width)."""

    forecast: np.ndarray
    target: np.ndarray
    history: np.ndarray


@dataclass(frozen=True)
class NamedArray:
    """An array and its name in errors: that of its file, or of the argument that it is."""

    name: str
    array: np.ndarray

    @classmethod
    def of_file(cls, path: Path) -> "NamedArray":
        """Map a file into memory without converting it; only an archive is loaded whole.

        Takes a .npy file, or an .npz file of one array. Raises DataError for any other file.
        """
        return cls(str(path), _mapped(path))

    @classmethod
    def of_array(cls, name: str, array: Any) -> "NamedArray":
        """Take a NumPy array, a torch tensor, or anything that NumPy makes an array of. Raises DataError."""
        try:
            return cls(name, as_numpy(array))
        except Exception as error:  # foreign arrays raise errors of any class
            raise DataError(f"{name}: found {type(array).__name__}, which is no array of numbers: {error}") from error


def read_forecasts(forecast: Path, target: Path, history: Path | None, *, step_first: bool) -> ForecastArrays:
    """Return the arrays of .npy files, or of .npz files of one array, as checked_forecasts does."""
    past = None if history is None else NamedArray.of_file(history)
    return checked_forecasts(NamedArray.of_file(forecast), NamedArray.of_file(target), past, step_first=step_first)


def checked_forecasts(
    forecast: NamedArray, target: NamedArray, history: NamedArray | None, *, step_first: bool
) -> ForecastArrays:
    """Return the arrays as (clip, step, height, width), without a copy.

    Raises DataError, which names the array, if it holds no plain numbers or no brightness, or if the shapes do not
    match.
    """
    forecast_frames, target_frames = clips_of(forecast, step_first=step_first), clips_of(target, step_first=step_first)
    if forecast_frames.shape != target_frames.shape:
        raise DataError(
            f"{forecast.name}: found the shape {forecast_frames.shape}; must be that of {target.name}, "
            f"{target_frames.shape}{_swap_advice(forecast_frames, target_frames)}"
        )
    history_frames = _history(history, target.name, target_frames, step_first=step_first)
    check_brightness(forecast.name, forecast_frames, forecast=True)
    check_brightness(target.name, target_frames, forecast=False)
    return ForecastArrays(forecast_frames, target_frames, history_frames)


def _history(past: NamedArray | None, target: str, target_frames: np.ndarray, *, step_first: bool) -> np.ndarray:
    if past is None:
        return np.empty((len(target_frames), 0, *target_frames.shape[2:]), np.float32)
    history = clips_of(past, step_first=step_first)
    if (history.shape[0], *history.shape[2:]) != (target_frames.shape[0], *target_frames.shape[2:]):
        all_swapped = not step_first and history.shape[1:] == target_frames.shape[1:]
        raise DataError(
            f"{past.name}: found the shape {history.shape}; must have the clips, height and width of {target}, "
            f"{target_frames.shape}"
            + ("; if all files have their steps first, use --step-first" if all_swapped else "")
        )
    check_brightness(past.name, history, forecast=False)
    return history


def clips_of(named: NamedArray, *, step_first: bool = False) -> np.ndarray:
    """Return an array as (clip, step, height, width), without its axis of one channel. Raises DataError."""
    array, name = named.array, named.name
    if array.ndim == 5 and 1 in (array.shape[4], array.shape[2]):  # noqa: PLR2004  # with a channel axis
        array = array[..., 0] if array.shape[4] == 1 else array[:, :, 0]
    if array.ndim == 5:  # noqa: PLR2004  # with more than one channel
        raise DataError(f"{name}: found the shape {array.shape}, with several channels; must be {ACCEPTED}")
    if array.ndim != 4:  # noqa: PLR2004  # without a channel axis
        raise DataError(f"{name}: found the shape {array.shape}; must be {ACCEPTED}")
    array = array.swapaxes(0, 1) if step_first else array
    if 0 in array.shape:
        raise DataError(f"{name}: found the shape {array.shape}; every axis needs at least one entry")
    if min(array.shape[2:]) < MIN_SIDE:
        raise DataError(
            f"{name}: found frames of {array.shape[2]} x {array.shape[3]} pixels; must be at least {MIN_SIDE} a side"
        )
    return array


def _mapped(path: Path) -> np.ndarray:
    try:
        _check_head(path)
        with np.errstate(over="raise"):  # the size in a damaged header may exceed all integers
            loaded = np.load(path, mmap_mode="r", allow_pickle=False)
            return loaded if isinstance(loaded, np.ndarray) else _only_array(path, loaded)
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except Exception as error:  # NumPy raises errors of any class for damaged files
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: not a .npy file of plain numbers ({reason}); write it with numpy.save") from error


def _check_head(path: Path) -> None:
    """Refuse files that NumPy takes for pickled objects: it would advise to load them unsafely."""
    with path.open("rb") as file:
        head = file.read(len(MAGIC_PREFIX))
    if not head.startswith((MAGIC_PREFIX, ZIP_START)):
        raise DataError(f"{path}: not a .npy file, by its first bytes; write it with numpy.save")


def _only_array(path: Path, archive: np.lib.npyio.NpzFile) -> np.ndarray:
    with archive:
        if len(archive.files) != 1:
            raise DataError(
                f"{path}: found an archive of {len(archive.files)} arrays; must hold one, or be a .npy file"
            )
        if archive.zip and archive.zip.infolist()[0].file_size > MAX_ARCHIVED:
            raise DataError(
                f"{path}: found an archive of more than {MAX_ARCHIVED >> 30} GiB; unpack it, and use its .npy file"
            )
        array = archive[archive.files[0]]
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path}: found an archive without an array; write it with numpy.savez")
    return array


def _swap_advice(forecast: np.ndarray, target: np.ndarray) -> str:
    swapped = (forecast.shape[1], forecast.shape[0], *forecast.shape[2:])
    return SWAPPED if swapped == target.shape else ""
