"""The ghost ratio: how bright the past still is."""

from collections.abc import Mapping
from typing import final

import numpy as np

from ablate.arrays import Frames, FrameScores, History
from ablate.metrics.ghost_masks import GhostMasks, excess, ghost_masks, mean_over
from ablate.metrics.metric import Measure, Metric

FADED = 0.1  # share of its true brightness below which a digit is too dim to compare a ghost with
VISIBLE = 0.1  # brightness above its surroundings that a person sees on black


@final
class Ghost(Metric):
    """`ghost_ratio`, and what must stand beside it to read it.

    ghost_ratio = (mean p over stale - mean p over control) / mean p over present, the control pixels matched in
    their distance to the digits (see ghost_masks). 0: no ghost; 1: the past is as bright as the present; below
    0: darker than its surroundings. The truth itself scores exactly 0. As the ghost-to-signal ratio of magnetic
    resonance imaging. Undefined where there is no stale, control or present pixel, or where the digit has faded.

    signal_retention = mean p over present / mean truth over present: 1 for a digit as bright as it should be.
    The digit has faded where this is below 0.1.

    visible_share: the share of stale pixels that are brighter than the mean control pixel by more than 0.1.
    """

    @property
    def measures(self) -> tuple[Measure, ...]:
        """See Metric."""
        return (
            Measure("ghost_ratio", "ghost ratio", "", -np.inf, np.inf, higher_is_better=False),
            Measure("signal_retention", "signal retention", "", 0, np.inf, higher_is_better=None),
            Measure("visible_share", "visible share", "of the stale area", 0, 1, higher_is_better=False),
        )

    def per_frame(self, forecast: Frames, truth: Frames, history: History) -> Mapping[str, FrameScores]:
        """See Metric."""
        masks = ghost_masks(truth, history)
        signal = mean_over(forecast, masks.present)
        retention = signal / mean_over(truth, masks.present)
        return {
            "ghost_ratio": relative(excess(forecast, masks, masks.stale), signal, retention),
            "signal_retention": retention,
            "visible_share": _visible_share(forecast, masks),
        }


def relative(brightness: FrameScores, signal: FrameScores, retention: FrameScores) -> FrameScores:
    """Return brightness as a share of the digit's own; NaN where that has faded, or there is no digit."""
    kept = retention >= FADED
    return np.divide(brightness, signal, out=np.full(signal.shape, np.nan), where=kept)


def _visible_share(forecast: Frames, masks: GhostMasks) -> FrameScores:
    surroundings = mean_over(forecast, masks.control)[:, :, None, None]
    return mean_over((forecast - surroundings > VISIBLE).astype(np.float64), masks.stale & ~np.isnan(surroundings))
