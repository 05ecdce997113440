"""When a forecast fits the true frames best, and whether it repeats its input."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ablate.core.arrays import Frames, History
from ablate.measurement.scoring.forecast_scores import Alignment, Copied

FARTHEST = 5
"""Largest offset tried, in frames."""
CLEARLY = 0.05
"""Share of the error at offset 0 that another offset must save to fit better, and save by the forecast's movement."""
COPY = 0.5
"""Share of the error against the truth below which the error against an input makes the forecast its copy."""

Sums = Float[np.ndarray, " offset"]


@dataclass(frozen=True)
class Misfits:
    """Squared errors of some clips, summed over them; those of more clips are added."""

    clips: int
    steps: int
    offsets: tuple[int, ...]
    by_offset: Sums
    """Over the steps that every offset has."""
    saved_by_movement: Sums
    """How much of the error at offset 0 each offset saves by what moves in the forecast alone."""
    copies: dict[Copied, tuple[float, float]]
    """Against an input that a forecast may repeat, and against the truth of the same steps."""

    def __add__(self, other: "Misfits") -> "Misfits":
        return Misfits(
            self.clips + other.clips,
            self.steps,
            self.offsets,
            self.by_offset + other.by_offset,
            self.saved_by_movement + other.saved_by_movement,
            {name: (a + other.copies[name][0], b + other.copies[name][1]) for name, (a, b) in self.copies.items()},
        )

    @property
    def alignment(self) -> Alignment:
        """What they say."""
        errors = dict(zip(self.offsets, (self.by_offset / (self.clips * self.steps)).tolist(), strict=True))
        copied = [(own, name) for name, (own, target) in self.copies.items() if own < COPY * target]
        return Alignment(
            best_offset=self._best_offset(),
            mse_by_offset=errors,
            copies=min(copied)[1] if copied else None,
        )

    def _best_offset(self) -> int:
        own = self.by_offset[self.offsets.index(0)]
        best = min(range(len(self.offsets)), key=lambda at: (self.by_offset[at], abs(self.offsets[at])))
        saved = min(own - self.by_offset[best], self.saved_by_movement[best])
        return self.offsets[best] if saved > CLEARLY * own else 0


def align(forecast: Frames, target: Frames, history: History) -> Alignment:
    """Return when a forecast fits the true frames best, and which input it repeats (see Alignment).

    Offsets go up to FARTHEST, fewer for short forecasts: all are compared over the same steps. The best is the one of
    the least error, named only where it saves more than the share CLEARLY of the error at offset 0, and saves it by
    movement too: a still picture, blank, gray or held, fits other times better where the truth happens to have less
    ink or to pass by, and is of no time; nor is a forecast of one step. With p the forecast, p' the mean of
    a clip's steps and y the truth, offset k saves 2 sum (p_t - p') (y_(t-k) - y_t) by movement.

    A copy is named where the error against an input is below the share COPY of that against the truth, over all
    clips and steps; so a clip in which nothing moves is no copy, and one that is late by one frame at every step is
    a copy of the previous frame.
    """
    return misfits(forecast, target, history).alignment


def misfits(forecast: Frames, target: Frames, history: History) -> Misfits:
    """Return the squared errors of a forecast against true frames of other times, and against its inputs."""
    frames, before, steps = np.concatenate([history, target], axis=1), history.shape[1], target.shape[1]
    reach = _reach(steps, before)
    first, last = max(0, reach - before), steps - reach
    offsets = tuple(range(-reach, reach + 1))
    shown = forecast[:, first:last]
    shifted = [frames[:, before + first - k : before + last - k] for k in offsets]
    errors = [_error(shown, at) for at in shifted]
    moving = shown - forecast.mean(1, keepdims=True)
    fits = np.array([_product(moving, at) for at in shifted])
    saved = 2 * (fits - fits[reach])
    return Misfits(len(target), last - first, offsets, np.array(errors), saved, _copies(forecast, frames, before))


def _reach(steps: int, before: int) -> int:
    """Return the largest offset that leaves a quarter of the steps, and one at least, to compare all offsets over."""
    fits = [k for k in range(FARTHEST + 1) if steps - k - max(0, k - before) >= max(1, steps // 4)]
    return max(fits, default=0)


def _copies(forecast: Frames, frames: Frames, before: int) -> dict[Copied, tuple[float, float]]:
    first = 0 if before else 1
    shown, target = forecast[:, first:], frames[:, before + first :]
    inputs: dict[Copied, Frames] = {"previous_frame": frames[:, before + first - 1 : -1]}
    if before:
        inputs["last_known_frame"] = frames[:, before - 1 : before]
    own = _error(shown, target)
    return {name: (_error(shown, given), own) for name, given in inputs.items()}


def _error(forecast: Frames, target: Frames) -> float:
    return float(np.square(np.subtract(forecast, target, dtype=np.float64)).sum())


def _product(one: Frames, other: Frames) -> float:
    return float(np.einsum("ijkl,ijkl->", one, other, dtype=np.float64))
