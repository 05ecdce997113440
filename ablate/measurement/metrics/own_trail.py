"""What a forecast keeps of its own earlier mistakes, away from every true position."""

import numpy as np

from ablate.core.arrays import Frames, FrameScores
from ablate.measurement.metrics.excess import excess_over
from ablate.measurement.metrics.ghost_masks import LIT, GhostMasks, Mask, near
from ablate.measurement.metrics.halo import halo_level
from ablate.measurement.metrics.metric import Metric
from ablate.measurement.metrics.pixels import pixels_where
from ablate.measurement.metrics.signal import unless_faded

OWN_TRAIL = Metric("own_trail_ratio", "ghost on the forecast's own path", "ratio", -1.0, 1.0, higher_is_better=False)


def own_trail_ratio(forecast: Frames, masks: GhostMasks) -> FrameScores:
    """Return the ghost ratio along the forecast's own path, where the truth never was; in [-1, 1].

    The forecast's own digits are its pixels at least half as bright as the brightest of their frame. Stale are
    control pixels that were such in an earlier forecast step, farther than the margin from those of now; they
    are compared with control pixels that never were near one, relative to the brightness of the digits of now.
    Undefined where the forecast never left the true path. A trail brighter than half passes for a digit.
    """
    own = forecast >= LIT * forecast.max((-2, -1), keepdims=True)
    near_own = near(own)
    stale = masks.control & _ever(own) & ~near_own
    left = stale.any((1, 2, 3))  # a forecast that keeps to the true path, as a good one does, is done here
    ratio = np.full(forecast.shape[:2], np.nan)
    if left.any():
        own, shown, never = own[left], forecast[left], (masks.control & ~_ever(near_own))[left]
        excess = excess_over(stale[left], never, shown, halo_level(own.astype(shown.dtype)))
        digits = pixels_where(own)
        ratio[left] = excess.pixels.mean(excess.value) / unless_faded(digits.mean(digits.of(shown)), excess)
    return ratio


def _ever(marked: Mask) -> Mask:
    """Return the pixels marked in this step or an earlier one."""
    so_far = marked.copy()
    for step in range(1, marked.shape[1]):
        so_far[:, step] |= so_far[:, step - 1]
    return so_far
