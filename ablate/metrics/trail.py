"""The trail profile: how bright the past is by how long ago it was."""

from collections.abc import Mapping
from typing import final

import numpy as np

from ablate.arrays import Frames, FrameScores, History
from ablate.metrics.ghost import relative
from ablate.metrics.ghost_masks import excess, ghost_masks, mean_over
from ablate.metrics.metric import Measure, Metric

LAGS = 12


@final
class Trail(Metric):
    """`trail_lag_01` to `trail_lag_12`: the ghost ratio over pixels that a digit left so many steps ago.

    A forecast that copies the last frame is a spike at one lag, a trajectory ghost a long tail. Undefined
    where there is no such pixel, and where the ghost ratio is.
    """

    @property
    def measures(self) -> tuple[Measure, ...]:
        """See Metric."""
        return tuple(
            Measure(_name(lag), f"trail, {lag} steps ago", "", -np.inf, np.inf, higher_is_better=False)
            for lag in range(1, LAGS + 1)
        )

    def per_frame(self, forecast: Frames, truth: Frames, history: History) -> Mapping[str, FrameScores]:
        """See Metric."""
        masks = ghost_masks(truth, history)
        signal = mean_over(forecast, masks.present)
        retention = signal / mean_over(truth, masks.present)
        return {
            _name(lag): relative(excess(forecast, masks, masks.age == lag), signal, retention)
            for lag in range(1, LAGS + 1)
        }


def _name(lag: int) -> str:
    return f"trail_lag_{lag:02d}"
