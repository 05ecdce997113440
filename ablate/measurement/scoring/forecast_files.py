"""Forecasts, truth and history from NumPy files."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.format import MAGIC_PREFIX

from ablate.core.errors import DataError
from ablate.measurement.scoring.brightness import check_brightness

ACCEPTED = (
    "(clip, step, height, width), with one channel (..., 1) or (clip, step, 1, height, width); --step-first swaps clip "
    "and step in all of them"
)
SWAPPED = "; one alone has its steps first: swap its axes 0 and 1 with numpy.swapaxes (--step-first swaps those of all)"
ARCHIVE = b"PK"  # how a zip begins, as .npz is one
MOST_ARCHIVED = 4 << 30  # bytes, since what lies in an archive must be held whole
SMALLEST = 11  # pixels: the window of structural similarity


@dataclass(frozen=True)
class ForecastArrays:
    """Arrays as they lie in their files, each (clip, step, height, width)."""

    forecast: np.ndarray
    target: np.ndarray
    history: np.ndarray


def read_forecasts(forecast: Path, target: Path, history: Path | None, *, step_first: bool) -> ForecastArrays:
    """Map the files into memory; nothing is converted, and no file but an archive is ever held whole.

    Takes .npy, and .npz of one array. Raises DataError, which names the file, where one is missing or holds no plain
    numbers, or what is no brightness, and where shapes do not belong together.
    """
    guess, true = _frames(forecast, step_first=step_first), _frames(target, step_first=step_first)
    if guess.shape != true.shape:
        raise DataError(
            f"{forecast}: its shape {guess.shape} is not that of {target}, {true.shape}{_one_swapped(guess, true)}"
        )
    before = _history(history, target, true, step_first=step_first)
    check_brightness(forecast, guess, forecast=True)
    check_brightness(target, true, forecast=False)
    return ForecastArrays(guess, true, before)


def _history(path: Path | None, target: Path, true: np.ndarray, *, step_first: bool) -> np.ndarray:
    if path is None:
        return np.empty((len(true), 0, *true.shape[2:]), np.float32)
    before = _frames(path, step_first=step_first)
    if (before.shape[0], *before.shape[2:]) != (true.shape[0], *true.shape[2:]):
        all_swapped = not step_first and before.shape[1:] == true.shape[1:]
        raise DataError(
            f"{path}: its shape {before.shape} has not the clips, height and width of {target}, {true.shape}"
            + ("; are the steps first in all of them? then --step-first" if all_swapped else "")
        )
    check_brightness(path, before, forecast=False)
    return before


def _frames(path: Path, *, step_first: bool) -> np.ndarray:
    array = _mapped(path)
    if array.ndim == 5 and 1 in (array.shape[4], array.shape[2]):  # noqa: PLR2004  # with a channel axis
        array = array[..., 0] if array.shape[4] == 1 else array[:, :, 0]
    if array.ndim == 5:  # noqa: PLR2004  # with more than one channel
        raise DataError(f"{path}: found the shape {array.shape}, of several channels; must be {ACCEPTED}")
    if array.ndim != 4:  # noqa: PLR2004  # without a channel axis
        raise DataError(f"{path}: found the shape {array.shape}; must be {ACCEPTED}")
    array = array.swapaxes(0, 1) if step_first else array
    if 0 in array.shape:
        raise DataError(f"{path}: found the shape {array.shape}; every axis needs at least one entry")
    if min(array.shape[2:]) < SMALLEST:
        raise DataError(
            f"{path}: found frames of {array.shape[2]} x {array.shape[3]} pixels; at least {SMALLEST} a side"
        )
    return array


def _mapped(path: Path) -> np.ndarray:
    try:
        _check_head(path)
        with np.errstate(over="raise"):  # the size that a head claims may be beyond all integers
            loaded = np.load(path, mmap_mode="r", allow_pickle=False)
            return loaded if isinstance(loaded, np.ndarray) else _only_array(path, loaded)
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except Exception as error:  # NumPy meets damaged files with errors of any class
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: no .npy file of plain numbers ({reason}); write it with numpy.save") from error


def _check_head(path: Path) -> None:
    """Refuse what NumPy would take for pickled objects, and advise to load unsafely."""
    with path.open("rb") as file:
        head = file.read(len(MAGIC_PREFIX))
    if not head.startswith((MAGIC_PREFIX, ARCHIVE)):
        raise DataError(f"{path}: no .npy file, by its first bytes; write it with numpy.save")


def _only_array(path: Path, archive: np.lib.npyio.NpzFile) -> np.ndarray:
    with archive:
        if len(archive.files) != 1:
            raise DataError(
                f"{path}: found an archive of {len(archive.files)} arrays; must hold one, or be a .npy file"
            )
        if archive.zip and archive.zip.infolist()[0].file_size > MOST_ARCHIVED:
            raise DataError(f"{path}: an archive of more than {MOST_ARCHIVED >> 30} GiB; unpack it, and give the .npy")
        array = archive[archive.files[0]]
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path}: found an archive of something else than an array; write it with numpy.savez")
    return array


def _one_swapped(one: np.ndarray, other: np.ndarray) -> str:
    swapped = (one.shape[1], one.shape[0], *one.shape[2:])
    return SWAPPED if swapped == other.shape else ""
