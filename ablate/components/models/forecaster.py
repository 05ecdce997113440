"""What evaluation and training may ask of a model."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import nn

from ablate.core.tensors import Video


class Forecaster(nn.Module, ABC):
    """Anything that forecasts frames in [0, 1] from frames in [0, 1]."""

    @abstractmethod
    def forecast(self, history: Video, horizon: int) -> Video:
        """Continue `history` by `horizon` frames, seeing no true frame beyond it."""

    @abstractmethod
    def one_step(self, frames: Video) -> Video:
        """Guess of frame t+1 at every position t of `frames`, read off as in training."""


class TrainableForecaster(Forecaster, ABC):
    """A forecaster with weights: its forecast is the sigmoid of logits that a loss can be taken over."""

    @abstractmethod
    def logits(self, history: Video, horizon: int) -> Video:
        """Return the logits of `forecast`; gradients flow through every step."""

    def forecast(self, history: Video, horizon: int) -> Video:
        """See Forecaster."""
        return torch.sigmoid(self.logits(history, horizon))


class NextFrameModel(TrainableForecaster, ABC):
    """A model that guesses the next frame at every position and forecasts by feeding on its own guesses."""

    @abstractmethod
    def forward(self, frames: Video, state: Any = None) -> tuple[Video, Any]:
        """Return the logits of frame t+1 at every position t, and the state after the last position.

        Passing that state back continues the sequence. Without one the sequence starts afresh.
        """

    def one_step(self, frames: Video) -> Video:
        """See Forecaster: one pass over the true frames."""
        logits, _ = self(frames)
        return torch.sigmoid(logits)

    def logits(self, history: Video, horizon: int) -> Video:
        """See TrainableForecaster: the last guess is fed back until there are `horizon` of them."""
        logits, state = self(history)
        steps = [logits[:, -1:]]
        while len(steps) < horizon:
            logits, state = self(torch.sigmoid(steps[-1]), state)
            steps.append(logits)
        return torch.cat(steps, dim=1)
