"""Contrast of selected pixels over others of the same frame: what a ghost and a digit exceed their surroundings by."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Integer, Shaped

from ablate.core.arrays import Frames, FrameScores
from ablate.measurement.metrics.ghost_masks import HALO_LEVELS, HaloLevel, Mask

MIN_CONTRAST = 0.02
"""Brightness by which digits must exceed their control: 5 of 255 gray levels. Below, 8-bit frames round them away."""
MIN_SPREADS = 3.0
"""Standard deviations of the control pixels by which digits must exceed it: then anybody sees them (Rose 1948 asks for
a signal-to-noise ratio of 3 to 5, doi:10.1364/JOSA.38.000196). A collapsed rollout has 0.4."""

FrameValues = Shaped[np.ndarray, "clip step height width"]
PixelValues = Shaped[np.ndarray, " pixel"]
PixelBrightness = Float[np.ndarray, " pixel"]


@dataclass(frozen=True)
class Pixels:
    """Selected pixels of a stack of frames, in the order of the flattened stack.

    They are selected once, and all further work skips the other pixels, which are most of a frame.
    """

    index: Integer[np.ndarray, " pixel"]
    """Index of each pixel in the flattened stack."""
    frame: Integer[np.ndarray, " pixel"]
    """Number of each pixel's frame, counted over the steps of all clips."""
    clips: int
    steps: int

    def only(self, selected: Bool[np.ndarray, " pixel"]) -> "Pixels":
        """Return the pixels for which `selected` is true."""
        return Pixels(self.index[selected], self.frame[selected], self.clips, self.steps)

    def of(self, values: FrameValues) -> PixelValues:
        """Return the value of each pixel."""
        pixel_values: PixelValues = values.reshape(-1)[self.index]
        return pixel_values

    def mean(self, values: PixelValues) -> FrameScores:
        """Return the mean of the values in each frame; NaN where the frame has none of the pixels."""
        total = np.bincount(self.frame, weights=values, minlength=self.clips * self.steps)
        return _ratio(total.reshape(self.clips, self.steps), self._count)

    def group_means(self, values: PixelValues, group: PixelValues, groups: int) -> Float[np.ndarray, "clip step group"]:
        """Return the mean of the values in each frame by group (0 to groups - 1); NaN for a group without pixels."""
        key, size = self.frame * groups + group, self.clips * self.steps * groups
        total = np.bincount(key, weights=values, minlength=size)
        return _ratio(total, np.bincount(key, minlength=size)).reshape(self.clips, self.steps, groups)

    def standard_deviation(self, values: PixelValues) -> FrameScores:
        """Return the standard deviation of the values in each frame, divided by n; NaN for a frame without pixels."""
        center = self.mean(values).reshape(-1)[self.frame]
        deviation: FrameScores = np.sqrt(self.mean((values - center) ** 2))
        return deviation

    @cached_property
    def _count(self) -> Integer[np.ndarray, "clip step"]:
        return np.bincount(self.frame, minlength=self.clips * self.steps).reshape(self.clips, self.steps)


def pixels_where(mask: Mask) -> Pixels:
    """Return the pixels at which the mask is true."""
    clips, steps, height, width = mask.shape
    index = np.flatnonzero(mask)
    starts = np.searchsorted(index, np.arange(clips * steps + 1) * (height * width))
    return Pixels(index, np.repeat(np.arange(clips * steps), np.diff(starts)), clips, steps)


def _ratio(total: Shaped[np.ndarray, "*frames"], count: Shaped[np.ndarray, "*frames"]) -> Float[np.ndarray, "*frames"]:
    """Divide; NaN where the divisor is 0. np.bincount returns integers for sums over no pixels."""
    mean: Float[np.ndarray, "*frames"] = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return mean


@dataclass(frozen=True)
class Excess:
    """The pixels that have a control, and how much brighter than it the forecast is there."""

    pixels: Pixels
    value: PixelBrightness
    """The forecast minus its mean over the control pixels at the same halo level of the same frame."""
    control: FrameScores
    """That mean, averaged over the pixels of each frame: the matched control."""
    spread: FrameScores
    """Standard deviation of the forecast over all control pixels of each frame."""


def excess_over(mask: Mask, control: Mask, forecast: Frames, halo: HaloLevel) -> Excess:
    """Compare the forecast at the pixels of `mask` with its mean over the control pixels of the same halo level.

    Blur and haze fall on both alike, so they cancel. Pixels at a level without control are left out: the others are
    compared with a control of exactly the same mix of levels.
    """
    dark, pixels = pixels_where(control), pixels_where(mask)
    brightness = dark.of(forecast)
    by_level = dark.group_means(brightness, dark.of(halo), HALO_LEVELS).reshape(-1, HALO_LEVELS)
    expected = by_level[pixels.frame, pixels.of(halo)]
    has_control = ~np.isnan(expected)
    pixels, expected = pixels.only(has_control), expected[has_control]
    value = pixels.of(forecast) - expected
    return Excess(pixels, value, pixels.mean(expected), dark.standard_deviation(brightness))


def visible_contrast(brightness: FrameScores, excess: Excess) -> FrameScores:
    """Return the digits' mean brightness minus the matched control; NaN where nobody would see the digits.

    They are seen if the contrast is at least MIN_SPREADS standard deviations of the control pixels, and MIN_CONTRAST.
    It is NaN for a blank forecast, for one that is equally gray everywhere, and for one whose digits have dissolved.
    """
    contrast = brightness - excess.control
    return np.where(contrast >= np.maximum(MIN_SPREADS * excess.spread, MIN_CONTRAST), contrast, np.nan)
