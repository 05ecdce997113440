"""The ghost: what a forecast keeps on screen of where digits were."""

from collections.abc import Mapping
from typing import final

import numpy as np

from ablate.arrays import Frames, FrameScores, History
from ablate.metrics.excess import excess_over, mean_over
from ablate.metrics.ghost_masks import ghost_masks
from ablate.metrics.metric import Measure, Metric
from ablate.metrics.own_trail import OWN_TRAIL, own_trail_ratio
from ablate.metrics.signal import signal
from ablate.metrics.trail import TRAIL, trail_profile

VISIBLE = 0.1
"""Brightness above the control from which a stale pixel counts as seen; 1 is full white."""
CHUNK = 2**19
"""Pixels scored at a time, so that they stay in the cache and memory does not grow with the clips."""


@final
class Ghost(Metric):
    """Brightness left on the digits' earlier positions, relative to the digits themselves.

    With *present*, *stale* and *control* pixels as GhostMasks has them, p the forecast and y the truth:

    - `ghost_ratio` = (mean p over stale - mean p over control) / mean p over present, the control weighted to
      the stale pixels' mix of distances from the digits (see excess_over). 0: no ghost, and exactly 0 for the
      truth; 1: a past as bright as the present. Named after MRI's ghost-to-signal ratio. Undefined (NaN)
      without a stale, control or present pixel, and where the digits have faded (see signal).
    - `signal_retention` = mean p over present / mean y over present. 1 is full brightness; above 1 is too bright.
    - `visible_share`: share of the stale pixels that exceed their control by more than VISIBLE. It does not ask
      for the digits, so it still sees an old picture from which the digits of now are missing.
    - `trail_lag_01` to `trail_lag_12`: ghost_ratio over the pixels last lit that many steps ago (see trail_profile).
    - `own_trail_ratio`: the same along the forecast's own path (see own_trail_ratio).

    A forecast whose digits lag more than MARGIN behind the true ones puts them on stale pixels: that counts.
    """

    @property
    def measures(self) -> tuple[Measure, ...]:
        """See Metric."""
        return (
            Measure("ghost_ratio", "ghost ratio", "ratio", -1.0, 10.0, higher_is_better=False),
            Measure("signal_retention", "signal retention (1 is full)", "ratio", 0.0, 2.0, higher_is_better=None),
            Measure("visible_share", "visible share of the past path", "share", 0.0, 1.0, higher_is_better=False),
            OWN_TRAIL,
            *TRAIL,
        )

    def per_frame(self, forecast: Frames, truth: Frames, history: History) -> Mapping[str, FrameScores]:
        """See Metric."""
        frames, height, width = history.shape[1] + truth.shape[1], *truth.shape[2:]
        size = max(1, CHUNK // (frames * height * width))
        chunks = [slice(first, first + size) for first in range(0, len(truth), size)]
        scores = [_scores(forecast[chunk], truth[chunk], history[chunk]) for chunk in chunks]
        return {m.name: np.concatenate([part[m.name] for part in scores]) for m in self.measures}


def _scores(forecast: Frames, truth: Frames, history: History) -> dict[str, FrameScores]:
    masks = ghost_masks(truth, history)
    excess = excess_over(masks.control, forecast, masks.distance)
    digits = signal(masks.present, forecast, excess, masks.stale)
    visible = np.where(np.isnan(excess), np.nan, excess > VISIBLE)
    profile = trail_profile(excess, masks.age) / digits[..., None]
    return {
        "ghost_ratio": mean_over(masks.stale, excess) / digits,
        "signal_retention": mean_over(masks.present, forecast) / mean_over(masks.present, truth),
        "visible_share": mean_over(masks.stale, visible),
        OWN_TRAIL.name: own_trail_ratio(forecast, masks),
        **{measure.name: profile[..., position] for position, measure in enumerate(TRAIL)},
    }
