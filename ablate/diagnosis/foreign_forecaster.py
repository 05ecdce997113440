"""Somebody else's model behind the interface of our own."""

from typing import final

import torch
from torch.utils.checkpoint import checkpoint, set_checkpoint_early_stop

from ablate.components.models.forecaster import Forecaster
from ablate.core.tensors import Video
from ablate.diagnosis.convention import Convention, called
from ablate.diagnosis.foreign_torch import ForeignModel


@final
class ForeignForecaster(Forecaster):
    """Forecasts with somebody else's model, by its own convention.

    A model that guesses at every position sees the whole sequence, or its last `context` frames where it takes no
    other number. Every other model sees the last `context` frames; where there are fewer, the first is repeated.
    """

    def __init__(self, model: ForeignModel, convention: Convention) -> None:
        super().__init__()
        self._foreign = model
        self.convention = convention

    def forecast(self, history: Video, horizon: int) -> Video:
        """See Forecaster: the model's own frames are fed back until there are `horizon` of them."""
        frames = history
        known = history.shape[1]
        while frames.shape[1] < known + horizon:
            frames = torch.cat([frames, self._continued(frames)], dim=1)
        return frames[:, known : known + horizon]

    def one_step(self, frames: Video) -> Video:
        """See Forecaster. Only a model that guesses at every position is read off as in training."""
        if self.convention.kind != "next_at_every_position":
            return torch.cat([self._continued(frames[:, : t + 1])[:, :1] for t in range(frames.shape[1])], dim=1)
        if not self.convention.fixed_length:
            return self._called(frames)
        length, context = frames.shape[1], self.convention.context
        first = self._called(self._window(frames[:, :context]))[:, -length:]
        later = [self._continued(frames[:, : t + 1]) for t in range(context, length)]
        return torch.cat([first, *later], dim=1)

    def _continued(self, frames: Video) -> Video:
        """Return the frames that come next, as many as the model makes at a time."""
        if self.convention.kind != "next_at_every_position":
            return self._called(self._window(frames))
        seen = self._window(frames) if self.convention.fixed_length else frames
        return self._called(seen)[:, -1:]

    def _window(self, frames: Video) -> Video:
        missing = self.convention.context - frames.shape[1]
        before = [frames[:, :1]] * max(0, missing)
        return torch.cat([*before, frames], dim=1)[:, -self.convention.context :]

    def _called(self, frames: Video) -> Video:
        if not (self.convention.differentiable and frames.requires_grad):
            return self._answer(frames.detach())
        # a roll-out calls the model on ever longer sequences; keeping what backward needs of each would take gigabytes
        with set_checkpoint_early_stop(enable=False):  # it stops by an exception, which the model might catch
            video: Video = checkpoint(self._answer, frames, use_reentrant=False)
        return video

    def _answer(self, frames: Video) -> Video:
        return called(self._foreign, frames, logits=self.convention.logits)
