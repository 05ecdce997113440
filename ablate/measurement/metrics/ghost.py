"""The ghost: what a forecast keeps on screen of where digits were."""

from collections.abc import Mapping
from typing import final

import numpy as np

from ablate.core.arrays import Frames, FrameScores, History
from ablate.measurement.metrics.excess import excess_over
from ablate.measurement.metrics.ghost_masks import ghost_masks
from ablate.measurement.metrics.halo import halo_level
from ablate.measurement.metrics.metric import Metric, MetricGroup
from ablate.measurement.metrics.own_trail import OWN_TRAIL, own_trail_ratio
from ablate.measurement.metrics.pixels import pixels_where
from ablate.measurement.metrics.signal import unless_faded
from ablate.measurement.metrics.trail import TRAIL, trail_profile

VISIBLE = 0.1
"""Brightness above the control from which a stale pixel counts as seen; 1 is full white."""
CHUNK = 2**19
"""Pixels scored at a time, so that they stay in the cache and memory does not grow with the clips."""


@final
class Ghost(MetricGroup):
    """Brightness left on the digits' earlier positions, relative to the digits, both against their true brightness.

    With *present*, *stale* and *control* pixels as GhostMasks has them, p the forecast, y the truth, and b the
    largest true brightness of a pixel before this step:

    - `ghost_ratio` = [(mean p over stale - mean p over control) / mean b over stale] / [mean p over present /
      mean y over present], the control weighted to the stale pixels' mix of halo levels (see halo_level, excess_over).
      0: no ghost, and exactly 0 for the truth; 1: a past as bright as the present; a forecast
      max(y, s * b) has s. After MRI's ghost-to-signal ratio. Undefined (NaN) without a stale, control or
      present pixel, and where the digits have faded (see unless_faded).
    - `signal_retention` = mean p over present / mean y over present. 1 is full brightness; above 1 is too bright.
    - `visible_share`: share of the stale pixels that exceed their control by more than VISIBLE. It does not ask
      for the digits, so it still sees an old picture from which the digits of now are missing.
    - `trail_lag_01` to `trail_lag_12`: ghost_ratio over the pixels last lit that many steps ago, b there their
      brightness at that time (see trail_profile).
    - `own_trail_ratio`: the same along the forecast's own path (see own_trail_ratio).

    Two things differ from the plain definition, (mean p over stale - mean p over control) / mean p over present:

    - Both sides are relative to the true brightness. On gray frames the brightest a stale pixel has been exceeds
      what lit pixels show now, and a planted 0.30 read 0.32. On black and white frames nothing changes.
    - The control gets as much light from the digits as the stale pixels, not just lies as far away. The pixels a
      digit has just left lie along its strokes, others at their distance off its ends: a blur of 3 pixels
      read up to 0.11 at the shortest lag and 0.03 in all; now 0.01 and 0.005.

    Where it misleads: a ghost so strong that it brightens the digits too reads lower, 0.8 on gray frames as 0.77.
    Digits forecast beside their true place count as faded, and a ghost behind them reads higher; those that lag
    more than MARGIN behind lie on stale pixels, and count as a ghost.
    """

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """See Metric."""
        return (
            Metric("ghost_ratio", "ghost ratio", "ratio", -2.0, 20.0, higher_is_better=False),
            Metric("signal_retention", "signal retention (1 is full)", "ratio", 0.0, 2.0, higher_is_better=None),
            Metric("visible_share", "visible share of the past path", "share", 0.0, 1.0, higher_is_better=False),
            OWN_TRAIL,
            *TRAIL,
        )

    def per_frame(self, forecast: Frames, target: Frames, history: History) -> Mapping[str, FrameScores]:
        """See Metric."""
        frames, height, width = history.shape[1] + target.shape[1], *target.shape[2:]
        size = max(1, CHUNK // (frames * height * width))
        chunks = [slice(first, first + size) for first in range(0, len(target), size)]
        scores = [
            _scores(*map(np.ascontiguousarray, (forecast[chunk], target[chunk], history[chunk]))) for chunk in chunks
        ]
        return {m.name: np.concatenate([part[m.name] for part in scores]) for m in self.metrics}


def _scores(forecast: Frames, target: Frames, history: History) -> dict[str, FrameScores]:
    masks = ghost_masks(target, history)
    excess = excess_over(masks.stale, masks.control, forecast, halo_level(target))
    digits, stale = pixels_where(masks.present), excess.pixels
    brightness, true_brightness = digits.mean(digits.of(forecast)), digits.mean(digits.of(target))
    kept = unless_faded(brightness, excess) / true_brightness
    left = stale.mean(excess.value) / stale.mean(stale.of(masks.past.brightest))
    profile = trail_profile(excess, masks.past) / kept[..., None]
    return {
        "ghost_ratio": left / kept,
        "signal_retention": brightness / true_brightness,
        "visible_share": stale.mean(excess.value > VISIBLE),
        OWN_TRAIL.name: own_trail_ratio(forecast, masks),
        **{metric.name: profile[..., position] for position, metric in enumerate(TRAIL)},
    }
