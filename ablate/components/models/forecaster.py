"""What training and evaluation need from a model."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import nn

from ablate.core.tensors import Forecast, Video


class Forecaster(nn.Module, ABC):
    """A model that forecasts frames in [0, 1] from frames in [0, 1]."""

    @abstractmethod
    def forecast(self, history: Video, horizon: int) -> Forecast:
        """Return the `horizon` frames after `history`, without access to any later true frame."""

    @abstractmethod
    def one_step(self, frames: Video) -> Video:
        """Return the prediction of frame t+1 at every position t of `frames` (teacher forcing)."""


class TrainableForecaster(Forecaster, ABC):
    """A forecaster with weights. Its forecast is the sigmoid of its logits, from which a loss is computed."""

    @abstractmethod
    def logits(self, history: Video, horizon: int) -> Forecast:
        """Return the logits of `forecast`; gradients flow through every step."""

    def forecast(self, history: Video, horizon: int) -> Forecast:
        """See Forecaster."""
        return torch.sigmoid(self.logits(history, horizon))


class NextFrameModel(TrainableForecaster, ABC):
    """A model that predicts the next frame at every position. Its forecast is a rollout: predictions become input."""

    @abstractmethod
    def forward(self, frames: Video, state: Any = None) -> tuple[Video, Any]:
        """Return the logits of frame t+1 at every position t, and the state after the last position.

        Passing that state to the next call continues the sequence. Without a state a new sequence starts.
        """

    def one_step(self, frames: Video) -> Video:
        """See Forecaster: one pass over the true frames."""
        logits, _ = self(frames)
        return torch.sigmoid(logits)

    def logits(self, history: Video, horizon: int) -> Forecast:
        """See TrainableForecaster: each prediction becomes the next input, until there are `horizon` predictions."""
        logits, state = self(history)
        steps = [logits[:, -1:]]
        while len(steps) < horizon:
            logits, state = self(torch.sigmoid(steps[-1]), state)
            steps.append(logits)
        return torch.cat(steps, dim=1)
