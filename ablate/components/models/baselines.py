"""Baselines without weights: repeat the last frame, or forecast black."""

from typing import final

from ablate.components.models.forecaster import Forecaster
from ablate.core.tensors import Forecast, Video


@final
class LastFrame(Forecaster):
    """Persistence baseline: repeats the last frame."""

    def forecast(self, history: Video, horizon: int) -> Forecast:
        """See Forecaster."""
        return history[:, -1:].repeat(1, horizon, 1, 1, 1)

    def one_step(self, frames: Video) -> Video:
        """See Forecaster."""
        return frames.clone()


@final
class BlackFrame(Forecaster):
    """Forecasts black frames, which most pixels of a sparse scene are."""

    def forecast(self, history: Video, horizon: int) -> Forecast:
        """See Forecaster."""
        return history.new_zeros(history.shape[0], horizon, *history.shape[2:])

    def one_step(self, frames: Video) -> Video:
        """See Forecaster."""
        return frames.new_zeros(frames.shape)
