"""Moving MNIST as published by its authors: one file of 10,000 clips."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import permutations
from pathlib import Path
from tokenize import TokenError
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import UInt8
from pydantic import Field

from ablate.components.data.source import ClipSource, Indices, Threshold, binarized
from ablate.core.arrays import Clips
from ablate.core.errors import DataError
from ablate.core.spec_base import ClipCount, Spec

MD5 = "be083ec986bfe91a449d63653c411eb2"
FRAMES, SIDE = 20, 64
AXES = (0, 1, 2, 3)
"""Frames, clips, rows, columns."""

Published = UInt8[np.ndarray, "20 stored 64 64"]
"""Frames come before clips, as in the file."""


class MovingMNISTFile(Spec):
    """Clips of `mnist_test_seq.npy` (Srivastava et al. 2015, arXiv 1502.04681), or of a file with the same format.

    The first `train_clips` clips are for training, the clips after them are held out, whatever the seed of the run.
    """

    kind: Literal["moving_mnist_file"] = "moving_mnist_file"
    path: Annotated[str, Field(min_length=1)]
    """Path of the file; `~` is the home folder, a relative path starts at the current folder."""
    train_clips: ClipCount = 100
    """Number of clips for training; the clips after them are held out."""
    binarize: Threshold | None = None
    """Pixels of at least this value become 255, all others 0; none keeps gray values."""
    verify_md5: bool = True
    """Accept only the published file; false accepts any uint8 array of shape (20, clips, 64, 64)."""

    @property
    def frame_size(self) -> int:
        """Height and width of a frame."""
        return SIDE

    @property
    def longest_clip(self) -> int | None:
        """Number of frames of a clip."""
        return FRAMES

    def describe(self) -> str:
        """Return what the clips come from, for messages."""
        return self.path

    def build(self, seed: int) -> ClipSource:  # noqa: ARG002  # every data has the same build
        """Open the file. Raises DataError if it is missing, damaged, in another format, or too small."""
        path = _located(self.path)
        if path.exists() and not path.is_file():  # reading a pipe would block without end
            raise DataError(f"{path}: found a folder or a pipe, not a file; `ablate data fetch` downloads Moving MNIST")
        try:
            published = _opened(path)
            md5 = cached_md5_sum(path) if self.verify_md5 else MD5
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}; `ablate data fetch` downloads Moving MNIST") from error
        if md5 != MD5:
            raise DataError(
                f"{path} is not Moving MNIST as published: its MD5 sum is {md5}, not {MD5}; "
                "download it with `ablate data fetch`, or set verify_md5: false",
                setting="verify_md5",
            )
        if self.train_clips >= published.shape[1]:
            raise DataError(
                f"{path}: found {published.shape[1]} clips, but train_clips: {self.train_clips} leaves none to hold out"
                "; lower train_clips",
                setting="train_clips",
            )
        return _FileClips(self, published)


@dataclass(frozen=True)
class _FileClips(ClipSource):
    spec: MovingMNISTFile
    published: Published

    @property
    def training_size(self) -> int:
        return self.spec.train_clips

    @property
    def held_out_size(self) -> int:
        return int(self.published.shape[1]) - self.spec.train_clips

    def training(self, indices: Indices, frames: int) -> Clips:
        return self._clips(self.published[:, : self.spec.train_clips], indices, frames)

    def held_out(self, count: int, frames: int) -> Clips:
        held_out = self.published[:, self.spec.train_clips :]
        if count > held_out.shape[1]:
            raise DataError(
                f"{self.spec.path}: found {held_out.shape[1]} held-out clips after train_clips: "
                f"{self.spec.train_clips}, but the run needs {count}; "
                "lower train_clips or the number of clips to evaluate"
            )
        return self._clips(held_out, np.arange(count), frames)

    def _clips(self, published: Published, indices: Indices, frames: int) -> Clips:
        if frames > FRAMES:
            raise DataError(
                f"{self.spec.path}: found clips of {FRAMES} frames, but the run needs {frames}; "
                "lower the frames of the training scheme, or context and horizon of the evaluation"
            )
        clips = np.ascontiguousarray(published[:frames, indices].swapaxes(0, 1))
        return binarized(clips, self.spec.binarize)


def _located(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:  # "~" of a user without a home folder
        raise DataError(f"{path}: {error}") from error


def _opened(path: Path) -> Published:
    """Map the file into memory, so that only the clips in use are read."""
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except (ValueError, TypeError, OverflowError, SyntaxError, TokenError) as error:  # a damaged header raises any
        raise DataError(
            f"{path} is not a complete .npy file of numbers: it is truncated, pickled, or in another format; "
            "`ablate data fetch` downloads Moving MNIST"
        ) from error
    if array.dtype != np.uint8 or array.shape != (FRAMES, *array.shape[1:2], SIDE, SIDE):
        raise DataError(
            f"{path} holds {array.dtype} of shape {array.shape}; Moving MNIST is uint8 of shape "
            f"({FRAMES}, clips, {SIDE}, {SIDE}); {_advice(array)}"
        )
    return array


def _advice(array: np.ndarray[Any, Any]) -> str:
    """Return how an array of another type, or with its axes in another order, becomes clips."""
    steps = []
    shape = array.shape
    if len(shape) > len(AXES) and len(shape) - shape.count(1) == len(AXES):
        steps.append("np.squeeze removes its axes of length 1")
        shape = tuple(length for length in shape if length != 1)
    if order := _order_of_axes(shape):
        steps.append(f"its axes are in another order: np.transpose(array, {order}) puts frames before clips")
    if array.dtype != np.uint8:
        steps.append("np.rint(255 * array).astype(np.uint8) converts values from 0 to 1")
    return "; ".join(steps) or "give another file"


def _order_of_axes(shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the order of the axes that makes a shape one of clips; None if it has that order, or none does."""
    for order in permutations(range(len(AXES))) if len(shape) == len(AXES) else ():
        frames, _, *sides = (shape[axis] for axis in order)
        if (frames, sides) == (FRAMES, [SIDE, SIDE]):
            return None if order == AXES else order
    return None


def md5_sum(path: Path) -> str:
    """Return the MD5 sum of a file in hexadecimal. It detects damage; it is no protection against forgery."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()


def cached_md5_sum(path: Path) -> str:
    """Return the MD5 sum of a file; a process reads the file again only after its size or time has changed."""
    state = path.stat()
    return _md5_sum(path.absolute(), state.st_size, state.st_mtime_ns)


@lru_cache
def _md5_sum(path: Path, _size: int, _modified: int) -> str:
    return md5_sum(path)
