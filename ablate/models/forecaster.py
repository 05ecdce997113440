"""What evaluation and training may ask of a model."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import nn

from ablate.tensors import Video


class Forecaster(nn.Module, ABC):
    """Anything that forecasts frames in [0, 1] from frames in [0, 1]."""

    @abstractmethod
    def forecast(self, history: Video, horizon: int) -> Video:
        """Continue `history` by `horizon` frames, seeing no true frame beyond it."""

    @abstractmethod
    def one_step(self, frames: Video) -> Video:
        """Guess of frame t+1 at every position t of `frames`, read off as in training."""


class NextFrameModel(Forecaster, ABC):
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

    def forecast(self, history: Video, horizon: int) -> Video:
        """See Forecaster: the last guess is fed back, `horizon` times. Differentiable."""
        logits, state = self(history)
        guesses = [torch.sigmoid(logits[:, -1:])]
        while len(guesses) < horizon:
            logits, state = self(guesses[-1], state)
            guesses.append(torch.sigmoid(logits))
        return torch.cat(guesses, dim=1)
