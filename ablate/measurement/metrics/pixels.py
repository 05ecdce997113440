"""Some pixels of many frames, and sums over them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Integer, Shaped

from ablate.core.arrays import FrameScores
from ablate.measurement.metrics.ghost_masks import Mask

OfFrames = Shaped[np.ndarray, "clip step height width"]
OfPixels = Shaped[np.ndarray, " pixel"]
Grouped = Float[np.ndarray, "clip step group"]
Sums = Shaped[np.ndarray, "*frames"]
Means = Float[np.ndarray, "*frames"]


@dataclass(frozen=True)
class Pixels:
    """Some pixels of a stack of frames, in the order in which they lie there.

    Picked once and then worked on alone: most of a frame's pixels are not asked about.
    """

    at: Integer[np.ndarray, " pixel"]
    """Index of each pixel in the flattened stack."""
    frame: Integer[np.ndarray, " pixel"]
    """Number of the frame that each lies in, counted over the clips' steps."""
    clips: int
    steps: int

    def only(self, wanted: OfPixels) -> "Pixels":
        """Return those of the pixels for which `wanted` is true."""
        return Pixels(self.at[wanted], self.frame[wanted], self.clips, self.steps)

    def of(self, values: OfFrames) -> OfPixels:
        """Return the value of each pixel."""
        chosen: OfPixels = values.reshape(-1)[self.at]
        return chosen

    def mean(self, values: OfPixels) -> FrameScores:
        """Return the mean of the values in each frame; NaN where it has none of the pixels."""
        total = np.bincount(self.frame, weights=values, minlength=self.clips * self.steps)
        return _over(total.reshape(self.clips, self.steps), self._count)

    def group_means(self, values: OfPixels, group: OfPixels, groups: int) -> Grouped:
        """Return the mean of the values in each frame, by the group (0 to groups - 1) each belongs to; NaN: none."""
        key, size = self.frame * groups + group, self.clips * self.steps * groups
        total = np.bincount(key, weights=values, minlength=size)
        return _over(total, np.bincount(key, minlength=size)).reshape(self.clips, self.steps, groups)

    @cached_property
    def _count(self) -> Integer[np.ndarray, "clip step"]:
        return np.bincount(self.frame, minlength=self.clips * self.steps).reshape(self.clips, self.steps)


def pixels_where(mask: Mask) -> Pixels:
    """Return the pixels at which the mask is true."""
    clips, steps, height, width = mask.shape
    at = np.flatnonzero(mask)
    starts = np.searchsorted(at, np.arange(clips * steps + 1) * (height * width))
    return Pixels(at, np.repeat(np.arange(clips * steps), np.diff(starts)), clips, steps)


def _over(total: Sums, count: Sums) -> Means:
    """Divide; NaN where the divisor is 0. Sums over no pixels at all come as integers from np.bincount."""
    mean: Means = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return mean
