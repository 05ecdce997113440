"""Moving MNIST, generated: digits that move over a square and bounce off its walls."""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from jaxtyping import Float, Int, UInt8
from numpy.lib.stride_tricks import sliding_window_view
from pydantic import Field, model_validator

from ablate.components.data.digits import SIDE, Split, digits
from ablate.components.data.source import ClipSource, Indices, Threshold, binarized
from ablate.core.arrays import Clips
from ablate.core.seeds import derive
from ablate.core.spec_base import ClipCount, Spec

Draws = Float[np.ndarray, "clip digit 4"]
"""Uniform in [0, 1): the digit, its first row and column, its direction."""

DigitImages = UInt8[np.ndarray, "clip digit side side"]
"""The digit images of each clip."""

Corners = Int[np.ndarray, "clip digit time"]
"""Pixel row (or column) of a digit's upper left corner."""


class MovingMNIST(Spec):
    """Generated clips with the statistics of Srivastava et al. 2015 (arXiv 1502.04681).

    A digit starts anywhere in the free range, in any direction, and moves by the share `step` of the free range per
    frame. At a wall it stops and reverses that component of its velocity. Where digits overlap, the larger ink value
    counts. As in the authors' program, the first frame is the one after the first step.
    """

    kind: Literal["moving_mnist"] = "moving_mnist"
    frame_size: Annotated[int, Field(ge=16, le=128)] = 64
    """Height and width of a frame."""
    digit_size: Annotated[int, Field(ge=4, le=SIDE)] | None = None
    """Height and width of a digit; none means 28 of 64 pixels of a frame, at most 28. Thin strokes fade first: they are
    3 pixels wide in a digit of 28, and 1 pixel in a digit of 10."""
    digits: Annotated[int, Field(ge=1, le=4)] = 2
    """Number of digits in a clip."""
    step: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Distance that a digit moves per frame, as a share of the free range."""
    binarize: Threshold | None = None
    """Pixels of at least this value become 255, all others 0; none keeps gray values."""
    train_clips: ClipCount | None = None
    """Number of different training clips; none generates new clips without end."""

    @model_validator(mode="after")
    def _digits_have_room_to_move(self) -> Self:
        if self.digit_side >= self.frame_size:
            raise ValueError(
                f"digit_size: found {self.digit_side}; must be less than frame_size, {self.frame_size}, so that digits "
                "can move"
            )
        return self

    @property
    def longest_clip(self) -> int | None:
        """Largest number of frames of a clip; None: no limit."""
        return None

    @property
    def digit_side(self) -> int:
        """Height and width of a digit in pixels; halves are rounded to even."""
        return self.digit_size or min(SIDE, round(SIDE * self.frame_size / 64))

    def describe(self) -> str:
        """Return what the clips come from, for messages."""
        return "generated clips"

    def build(self, seed: int) -> ClipSource:
        """Return the clips of one run. The seed determines the training clips; all runs share the held-out clips."""
        return _GeneratedClips(self, seed)


@dataclass(frozen=True)
class _GeneratedClips(ClipSource):
    spec: MovingMNIST
    seed: int

    @property
    def training_size(self) -> int | None:
        return self.spec.train_clips

    @property
    def held_out_size(self) -> None:
        return None

    def training(self, indices: Indices, frames: int) -> Clips:
        if self.spec.train_clips is not None and indices.max(initial=0) >= self.spec.train_clips:
            raise IndexError(f"training clip {indices.max()} of {self.spec.train_clips}")
        return self._clips("train", derive(self.seed, "training_clips"), indices, frames)

    def held_out(self, count: int, frames: int) -> Clips:
        return self._clips("test", derive(0, "held_out_clips"), np.arange(count), frames)

    def _clips(self, split: Split, key: int, indices: Indices, frames: int) -> Clips:
        spec, images = self.spec, digits(split, self.spec.digit_side)
        draws = _draws(key, indices, spec.digits)
        free = spec.frame_size - spec.digit_side
        rows, columns = _corners(draws, frames, spec.step, free)
        digit_images = images[(draws[..., 0] * len(images)).astype(int)]
        return binarized(_rendered(digit_images, rows, columns, spec.frame_size), spec.binarize)


def _draws(key: int, indices: Indices, count: int) -> Draws:
    """Draw each clip from a separate part of one counter-based stream, so that clip i depends on (key, i) only."""
    streams = (np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, int(i)])) for i in indices)
    return np.array([stream.random((count, 4)) for stream in streams]).reshape(-1, count, 4)


def _corners(draws: Draws, frames: int, step: float, free: int) -> tuple[Corners, Corners]:
    angle = 2 * np.pi * draws[..., 3]
    down = _bounced(draws[..., 1], step * np.sin(angle), frames)
    right = _bounced(draws[..., 2], step * np.cos(angle), frames)
    return (free * down).astype(int), (free * right).astype(int)


def _bounced(
    position: Float[np.ndarray, "clip digit"], velocity: Float[np.ndarray, "clip digit"], frames: int
) -> Float[np.ndarray, "clip digit time"]:
    """Return the positions in [0, 1] after each of `frames` steps."""
    path = np.empty((*position.shape, frames))
    for time in range(frames):
        position = position + velocity
        velocity = np.where((position <= 0) | (position >= 1), -velocity, velocity)
        position = np.clip(position, 0, 1)
        path[..., time] = position
    return path


def _rendered(images: DigitImages, rows: Corners, columns: Corners, frame_size: int) -> Clips:
    clips, count, frames = rows.shape
    side = images.shape[-1]
    video = np.zeros((clips, frames, frame_size, frame_size), np.uint8)
    places = sliding_window_view(video, (side, side), axis=(2, 3), writeable=True)
    clip, time = np.ogrid[:clips, :frames]
    for digit in range(count):
        where = clip, time, rows[:, digit], columns[:, digit]
        places[where] = np.maximum(places[where], images[:, digit, None])
    return video
