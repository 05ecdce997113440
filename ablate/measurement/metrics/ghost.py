"""The ghost: brightness that a forecast keeps where digits were and no longer are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from ablate.core.arrays import Frames, FrameScores, History
from ablate.measurement.metrics.contrast import Excess, excess_over, pixels_where, visible_contrast
from ablate.measurement.metrics.ghost_masks import LIT, GhostMasks, Mask, ghost_masks, halo_level, near
from ablate.measurement.metrics.metric import Metric, MetricGroup
from ablate.measurement.metrics.trail import TRAIL, TrailProfile, trail_profile

DEFINITION = 2
"""Version of the definition. 1, until ablate 0.1, kept haze in the digits' brightness, and needed a contrast of 0.1."""
VISIBLE = 0.1
"""Share of the digits' contrast from which the excess of a stale pixel counts as visible."""
OWN_DIGIT = 0.5
"""Share of the brightest pixel's contrast from which a pixel belongs to the forecast's own digits."""
CHUNK = 2**19
"""Pixels scored at a time: they stay in the cache, and memory does not grow with the number of clips."""
OWN_TRAIL = Metric("own_trail_ratio", "ghost on the forecast's own path", "ratio", -50.0, 1.0, higher_is_better=False)
"""At least -50: a stale pixel is at most 1 darker than its control, and the digits' contrast at least MIN_CONTRAST."""


@final
@dataclass(frozen=True)
class Ghost(MetricGroup):
    """Brightness left on the digits' earlier positions relative to the digits: contrast against contrast.

    With *present*, *stale* and *control* pixels as in GhostMasks, p the forecast, y the target, and b the largest
    target brightness of a pixel before this step, all above the background:

    - `ghost_ratio` = [(mean p over stale - mean p over control) / mean b over stale] / [(mean p over present - mean p
      over control) / mean y over present], the control weighted to the stale pixels' mix of halo levels (see
      halo_level, excess_over). 0: no ghost, and exactly 0 for the target itself; 1: a past as bright as the present; a
      forecast max(y, s * b) has s, also under haze (h + (1 - h) p) and in a dim picture. After MRI's ghost-to-signal
      ratio. Undefined (NaN) without a stale, control or present pixel, and where the digits do not stand out (see
      visible_contrast).
    - `signal_retention` = mean p over present / mean y over present. 1 is full brightness; above 1 is too bright.
    - `visible_share`: share of the stale pixels that exceed their control by more than VISIBLE times the digits'
      contrast. Undefined where the digits do not stand out.
    - `trail_lag_01` to `trail_lag_12`: ghost_ratio over the pixels last lit that many steps ago, with b their
      brightness at that time (see trail_profile).
    - `own_trail_ratio`: the same along the forecast's own path (see own_trail_ratio).

    Two things differ from the plain definition, (mean p over stale - mean p over control) / (mean p over present - mean
    p over control):

    - Both sides are relative to the target brightness. On gray frames the largest past brightness of a stale pixel
      exceeds what lit pixels show now, and a planted 0.30 read 0.32. On black and white frames nothing changes.
    - The control pixels get as much light from the digits as the stale pixels; an equal distance is not enough. The
      pixels that a digit has just left are along its strokes, others at the same distance are off its ends: a blur of
      3 pixels read up to 0.11 at the shortest lag and 0.03 overall; now it reads 0.01 and 0.005.

    Where it misleads: a ghost so strong that it brightens the digits too reads lower, 0.8 on gray frames as 0.77.
    Digits at a wrong place count as missing, and a ghost behind them reads higher. Digits that lag more than MARGIN
    behind are on stale pixels, and count as a ghost.

    Attributes:
        background: Brightness of a target pixel without ink, in [0, 1).
        ink: Target brightness from which a pixel counts as lit, above the background.

    """

    background: float = 0.0
    ink: float = LIT

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """See MetricGroup."""
        return (
            Metric("ghost_ratio", "ghost ratio", "ratio", -100.0, 100.0, higher_is_better=False),
            Metric("signal_retention", "signal retention (1 is full)", "ratio", 0.0, 2.0, higher_is_better=None),
            Metric("visible_share", "visible share of the past path", "share", 0.0, 1.0, higher_is_better=False),
            OWN_TRAIL,
            *TRAIL,
        )

    def per_frame(self, forecast: Frames, target: Frames, history: History) -> Mapping[str, FrameScores]:
        """See MetricGroup."""
        frames, height, width = history.shape[1] + target.shape[1], *target.shape[2:]
        size = max(1, CHUNK // (frames * height * width))
        chunks = [slice(first, first + size) for first in range(0, len(target), size)]
        scores = [
            self._scores(*(self._above_background(frames[chunk]) for frames in (forecast, target, history)))
            for chunk in chunks
        ]
        return {
            metric.name: np.concatenate([chunk_scores[metric.name] for chunk_scores in scores])
            for metric in self.metrics
        }

    def excess_map(self, forecast: Frames, target: Frames, history: History) -> Frames:
        """Return the ghost of each stale pixel, whose mean over the stale pixels of a frame is its `ghost_ratio`.

        NaN at all other pixels, at stale pixels without a control, and in frames in which the ratio is undefined.
        """
        forecast, target, history = map(self._above_background, (forecast, target, history))
        masks = ghost_masks(target, history, self._lit)
        excess, contrast = _excess_and_contrast(forecast, target, masks)
        reference = contrast * excess.pixels.mean(excess.pixels.of(masks.past.brightest))
        drawn = np.full(forecast.shape, np.nan, forecast.dtype)
        drawn.reshape(-1)[excess.pixels.index] = excess.value / reference.reshape(-1)[excess.pixels.frame]
        return drawn

    @property
    def _lit(self) -> float:
        return self.ink - self.background

    def _above_background(self, frames: Frames) -> Frames:
        contiguous = np.ascontiguousarray(frames)
        return np.maximum(contiguous - self.background, 0) if self.background else contiguous

    def _scores(self, forecast: Frames, target: Frames, history: History) -> dict[str, FrameScores]:
        masks = ghost_masks(target, history, self._lit)
        excess, contrast = _excess_and_contrast(forecast, target, masks)
        stale, digits = excess.pixels, pixels_where(masks.present)
        visible = excess.value > VISIBLE * contrast.reshape(-1)[stale.frame]
        return {
            "ghost_ratio": stale.mean(excess.value) / stale.mean(stale.of(masks.past.brightest)) / contrast,
            "signal_retention": digits.mean(digits.of(forecast)) / digits.mean(digits.of(target)),
            "visible_share": np.where(np.isnan(contrast), np.nan, stale.mean(visible)),
            OWN_TRAIL.name: own_trail_ratio(forecast, masks),
            **_trail(trail_profile(excess, masks.past) / contrast[..., None]),
        }


def _trail(profile: TrailProfile) -> dict[str, FrameScores]:
    return {metric.name: profile[..., position] for position, metric in enumerate(TRAIL)}


def _excess_and_contrast(forecast: Frames, target: Frames, masks: GhostMasks) -> tuple[Excess, FrameScores]:
    """Return the excess of the stale pixels, and the digits' contrast relative to their target brightness."""
    excess = excess_over(masks.stale, masks.control, forecast, halo_level(target))
    digits = pixels_where(masks.present)
    contrast = visible_contrast(digits.mean(digits.of(forecast)), excess)
    return excess, contrast / digits.mean(digits.of(target))


def own_trail_ratio(forecast: Frames, masks: GhostMasks) -> FrameScores:
    """Return the ghost ratio along the forecast's own path, where no target digit ever was; at most 1.

    The forecast's own digits are its pixels whose contrast is at least OWN_DIGIT times that of the brightest of their
    frame; contrast is that over the mean control pixel. Stale are control pixels that were such in an earlier forecast
    step, farther than the margin from those of this step. They are compared with control pixels that never were near
    one, relative to the contrast of this step's own digits. Undefined where the forecast never left the target's path.
    A trail brighter than that threshold passes for a digit.
    """
    digits = _own_digits(forecast, masks.control)
    near_digits = near(digits)
    stale = masks.control & _so_far(digits) & ~near_digits
    off_path = stale.any((1, 2, 3))  # a good forecast keeps to the target's path, and needs no more work
    ratio = np.full(forecast.shape[:2], np.nan)
    if off_path.any():
        digits, strayed = digits[off_path], forecast[off_path]
        never_near = (masks.control & ~_so_far(near_digits))[off_path]
        excess = excess_over(stale[off_path], never_near, strayed, halo_level(digits.astype(strayed.dtype)))
        lit = pixels_where(digits)
        ratio[off_path] = excess.pixels.mean(excess.value) / visible_contrast(lit.mean(lit.of(strayed)), excess)
    return ratio


def _own_digits(forecast: Frames, control: Mask) -> Mask:
    dark = pixels_where(control)
    haze = np.nan_to_num(dark.mean(dark.of(forecast)))[..., None, None]
    digits: Mask = forecast - haze >= OWN_DIGIT * (forecast.max((-2, -1), keepdims=True) - haze)
    return digits


def _so_far(marked: Mask) -> Mask:
    """Return the pixels marked in this step or an earlier one."""
    so_far = marked.copy()
    for step in range(1, marked.shape[1]):
        so_far[:, step] |= so_far[:, step - 1]
    return so_far
