"""At which offset in time a forecast fits the target frames best, and whether it repeats its input."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from ablate.core.arrays import Frames, History

MAX_OFFSET = 5
"""Largest offset in time that is tried, in frames."""
MIN_SAVING = 0.05
"""Share of the error at offset 0 that another offset must save to fit better, and must save through movement."""
COPY = 0.5
"""A forecast is a copy of an input if its error against it is below this share of its error against the target."""
MISPLACED = 0.5
"""Panels are from different times if another offset's error is below this share of the error at offset 0."""

CopiedInput = Literal["previous_frame", "last_known_frame"]
OffsetSums = Float[np.ndarray, " offset"]
Reference = Float[np.ndarray, "clip #step height width"]


@dataclass(frozen=True)
class Alignment:
    """Which target frames the forecast fits, in time.

    `best_offset` k > 0: forecast step t fits the target of step t-k better than its own, so it is shown k frames
    late; k < 0: early. `mse_by_offset` holds the squared error of a frame (summed over its pixels, as `mse`) by
    offset, over the same forecast steps for all offsets. `copies` names the input that the forecast repeats.
    """

    best_offset: int
    mse_by_offset: Mapping[int, float]
    copies: CopiedInput | None

    @property
    def misplaced(self) -> bool:
        """Whether panels of different times explain the offset; otherwise the forecast itself is late or early.

        A displaced panel fits its true time as well as forecasts do; a late forecast fits no time well.
        """
        return self.mse_by_offset[self.best_offset] < MISPLACED * self.mse_by_offset[0]


@dataclass(frozen=True)
class Misfits:
    """Squared errors summed over some clips. Misfits of different clips can be added."""

    clips: int
    steps: int
    offsets: tuple[int, ...]
    by_offset: OffsetSums
    """Over the steps that every offset has."""
    saved_by_movement: OffsetSums
    """How much of the error at offset 0 each offset saves through the moving part of the forecast alone."""
    copies: dict[CopiedInput, tuple[float, float]]
    """Error against an input that a forecast may repeat, and error against the target over the same steps."""

    def __add__(self, more: "Misfits") -> "Misfits":
        return Misfits(
            self.clips + more.clips,
            self.steps,
            self.offsets,
            self.by_offset + more.by_offset,
            self.saved_by_movement + more.saved_by_movement,
            {
                name: (input_error + more.copies[name][0], target_error + more.copies[name][1])
                for name, (input_error, target_error) in self.copies.items()
            },
        )

    @property
    def alignment(self) -> Alignment:
        """The alignment that follows from these errors."""
        errors = dict(zip(self.offsets, (self.by_offset / (self.clips * self.steps)).tolist(), strict=True))
        copied = [
            (input_error, name)
            for name, (input_error, target_error) in self.copies.items()
            if input_error < COPY * target_error
        ]
        return Alignment(
            best_offset=self._best_offset(),
            mse_by_offset=errors,
            copies=min(copied)[1] if copied else None,
        )

    def _best_offset(self) -> int:
        at_zero = self.by_offset[self.offsets.index(0)]
        best = min(range(len(self.offsets)), key=lambda index: (self.by_offset[index], abs(self.offsets[index])))
        saved = min(at_zero - self.by_offset[best], self.saved_by_movement[best])
        return self.offsets[best] if saved > MIN_SAVING * at_zero else 0


def align(forecast: Frames, target: Frames, history: History) -> Alignment:
    """Return at which offset a forecast fits the target frames best, and which input it repeats (see Alignment).

    Offsets go up to MAX_OFFSET, fewer for short forecasts: all are compared over the same steps. The best is the one
    with the smallest error. It differs from 0 only if it saves more than the share MIN_SAVING of the error at offset 0,
    and saves that through movement too. A still picture (blank, gray, or held) fits another time better where the
    target happens to have less ink or to pass by, but it belongs to no time; nor does a forecast of one step. With p
    the forecast, p' the mean of a clip's steps and y the target, offset k saves 2 sum (p_t - p') (y_(t-k) - y_t)
    through movement.

    A copy is named if the error against an input is below the share COPY of the error against the target, over all
    clips and steps. So a clip in which nothing moves is no copy, and one that is late by one frame at every step is
    a copy of the previous frame.
    """
    return misfits(forecast, target, history).alignment


def misfits(forecast: Frames, target: Frames, history: History) -> Misfits:
    """Return the squared errors of a forecast against target frames of other times, and against its inputs."""
    frames, before, steps = np.concatenate([history, target], axis=1), history.shape[1], target.shape[1]
    reach = _reach(steps, before)
    first, last = max(0, reach - before), steps - reach
    offsets = tuple(range(-reach, reach + 1))
    compared = forecast[:, first:last]
    shifted = [frames[:, before + first - k : before + last - k] for k in offsets]
    errors = [_squared_error(compared, target_at_offset) for target_at_offset in shifted]
    moving = compared - forecast.mean(1, keepdims=True)
    fits = np.array([_product(moving, target_at_offset) for target_at_offset in shifted])
    saved = 2 * (fits - fits[reach])
    return Misfits(len(target), last - first, offsets, np.array(errors), saved, _copies(forecast, frames, before))


def _reach(steps: int, before: int) -> int:
    """Return the largest offset that leaves at least one step, and a quarter of them, common to all offsets."""
    fits = [k for k in range(MAX_OFFSET + 1) if steps - k - max(0, k - before) >= max(1, steps // 4)]
    return max(fits, default=0)


def _copies(forecast: Frames, frames: History, before: int) -> dict[CopiedInput, tuple[float, float]]:
    first = 0 if before else 1
    compared, target = forecast[:, first:], frames[:, before + first :]
    inputs: dict[CopiedInput, np.ndarray] = {"previous_frame": frames[:, before + first - 1 : -1]}
    if before:
        inputs["last_known_frame"] = frames[:, before - 1 : before]
    target_error = _squared_error(compared, target)
    return {name: (_squared_error(compared, frame), target_error) for name, frame in inputs.items()}


def _squared_error(forecast: Frames, reference: Reference) -> float:
    """Return the sum over all pixels; a reference of one step is compared with every step."""
    return float(np.square(np.subtract(forecast, reference, dtype=np.float64)).sum())


def _product(moving: Frames, target: Frames) -> float:
    return float(np.einsum("ijkl,ijkl->", moving, target, dtype=np.float64))
