"""Which pixels the ghost metrics compare: masks from the target frames, and means of the forecast over them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Integer, Shaped, UInt8

from ablate.core.arrays import Frames, FrameScores, History

LIT = 0.5
"""Target brightness from which a pixel counts as lit. Any ink, however faint, is above 0."""
MARGIN = 2
"""Pixels around the ink of a frame that still belong to its digits, diagonals included: blur is no ghost."""
LONGEST_LAG = 12
"""Steps after which a pixel no longer has an age."""
HALO_SIGMA = 2.5
"""Width of the halo's blur in pixels: in the middle of the blurs that forecasts show (1 to 4 pixels)."""
LEVELS_PER_OCTAVE = 2
"""Halo levels for each halving of the light: light within one level differs by less than a factor of 1.42."""
OCTAVES = 10
"""Halvings with levels: below a thousandth of a digit's light there is no halo."""
HALO_LEVELS = LEVELS_PER_OCTAVE * OCTAVES + 1
MIN_CONTRAST = 0.1
"""Brightness by which digits must exceed the control pixels. Below it there is no digit to compare with."""

Mask = Bool[np.ndarray, "clip step height width"]
Age = UInt8[np.ndarray, "clip step height width"]
HaloLevel = UInt8[np.ndarray, "clip step height width"]
FrameValues = Shaped[np.ndarray, "clip step height width"]
PixelValues = Shaped[np.ndarray, " pixel"]
PixelBrightness = Float[np.ndarray, " pixel"]


@dataclass(frozen=True)
class Past:
    """What each pixel showed before each forecast step, in the history and in the target frames since."""

    brightest: Frames
    """The largest brightness of the pixel."""
    last_lit: Frames
    """The pixel's brightness when it was last lit; 0 if it never was."""
    age: Age
    """Steps since the pixel was last lit; 0 if it had fainter ink since, or if that is more than LONGEST_LAG ago."""


def past_of(target: Frames, history: History) -> Past:
    """Return what each pixel showed before each forecast step, in one pass over the frames of all clips."""
    history_length, steps = history.shape[1], target.shape[1]
    brightest, last_lit = np.zeros_like(target), np.zeros_like(target)
    age = np.zeros(target.shape, np.uint8)
    so_far, light, lag = brightest[:, 0].copy(), last_lit[:, 0].copy(), age[:, 0].copy()
    for time in range(history_length + steps):
        step = time - history_length
        if step >= 0:
            brightest[:, step], last_lit[:, step], age[:, step] = so_far, light, lag
        frame = history[:, time] if step < 0 else target[:, step]
        lit = frame >= LIT
        np.maximum(so_far, frame, out=so_far)
        np.copyto(light, frame, where=lit)
        lag += lag > 0
        lag *= (frame == 0) & (lag <= LONGEST_LAG)
        lag += lit
    return Past(brightest, last_lit, age)


@dataclass(frozen=True)
class GhostMasks:
    """The kinds of pixels at every forecast step. They depend on the target frames and the history alone."""

    present: Mask
    """Lit at this step."""
    stale: Mask
    """Lit in an earlier frame, and farther than MARGIN from any ink of this step."""
    control: Mask
    """Without ink in this and every earlier frame, and farther than MARGIN from any ink of this step."""
    past: Past
    """What the earlier frames showed at each pixel."""


def ghost_masks(target: Frames, history: History) -> GhostMasks:
    """Return the masks. The earlier frames of a step are the history and the target frames before that step."""
    past = past_of(target, history)
    far = ~near(target > 0)
    return GhostMasks(target >= LIT, far & (past.brightest >= LIT), far & (past.brightest == 0), past)


def near(marked: Mask) -> Mask:
    """Return the pixels at most MARGIN from a marked pixel of their frame, diagonals included."""
    columns = marked.copy()
    for shift in range(1, MARGIN + 1):
        columns[..., shift:, :] |= marked[..., :-shift, :]
        columns[..., :-shift, :] |= marked[..., shift:, :]
    square = columns.copy()
    for shift in range(1, MARGIN + 1):
        square[..., shift:] |= columns[..., :-shift]
        square[..., :-shift] |= columns[..., shift:]
    return square


def halo_level(digits: Frames) -> HaloLevel:
    """Return floor(-LEVELS_PER_OCTAVE * log2(digits blurred by HALO_SIGMA)), from 0 (bright) to HALO_LEVELS - 1 (dark).

    Pixels of one level get nearly the same light from the digits under any blur, wherever they are: beside a stroke,
    off its end, or in a bend, where the same distance means more light. The blur is an untruncated Gaussian, and the
    outside of the frame is dark. It is computed as a product of matrices, which is fast at these sizes.
    """
    height, width = digits.shape[2:]
    light = _gaussian(height, digits.dtype) @ digits @ _gaussian(width, digits.dtype)
    level: HaloLevel = (-LEVELS_PER_OCTAVE * np.log2(np.clip(light, 2.0**-OCTAVES, 1.0))).astype(np.uint8)
    return level


def _gaussian(side: int, dtype: np.dtype[np.floating]) -> Float[np.ndarray, "side side"]:
    """Return the weight of each pixel of a row in the blurred value of each."""
    distance = np.subtract.outer(np.arange(side), np.arange(side))
    return np.asarray(np.exp(-0.5 * (distance / HALO_SIGMA) ** 2) / (HALO_SIGMA * np.sqrt(2 * np.pi)), dtype)


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
    control: PixelBrightness
    """The mean forecast over the control pixels at the same halo level of the same frame."""
    value: PixelBrightness
    """The forecast minus that control."""


def excess_over(mask: Mask, control: Mask, forecast: Frames, halo: HaloLevel) -> Excess:
    """Compare the forecast at the pixels of `mask` with its mean over the control pixels of the same halo level.

    Blur and haze fall on both alike, so they cancel. Pixels at a level without control are left out: the others are
    compared with a control of exactly the same mix of levels.
    """
    dark, pixels = pixels_where(control), pixels_where(mask)
    by_level = dark.group_means(dark.of(forecast), dark.of(halo), HALO_LEVELS).reshape(-1, HALO_LEVELS)
    expected = by_level[pixels.frame, pixels.of(halo)]
    has_control = ~np.isnan(expected)
    pixels, expected = pixels.only(has_control), expected[has_control]
    return Excess(pixels, expected, pixels.of(forecast) - expected)


def visible_brightness(brightness: FrameScores, excess: Excess) -> FrameScores:
    """Return the digits' mean brightness; NaN where it exceeds the mean control of `excess` by less than MIN_CONTRAST.

    It is NaN for a blank forecast, and for one that is equally gray everywhere.
    """
    return np.where(brightness - excess.pixels.mean(excess.control) >= MIN_CONTRAST, brightness, np.nan)
