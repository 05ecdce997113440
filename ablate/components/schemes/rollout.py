"""Roll-out: the loss is taken through the model's own forecast of several steps."""

from typing import ClassVar, Literal, final

import torch

from ablate.components.losses.loss import Loss
from ablate.components.models.forecaster import TrainableForecaster
from ablate.components.schemes.scheme import Scheme
from ablate.core.sizes import FrameCount
from ablate.core.tensors import Scalar, Video


@final
class Rollout(Scheme):
    """Loss over `horizon` forecast frames after `context` true ones, gradients through every step.

    A next-frame model feeds on its own guesses; an encoder-forecaster (Shi et al. 2015,
    arXiv 1506.04214, there 10 -> 10) decodes its states. Either way it trains what it is used for.
    """

    trains: ClassVar[type] = TrainableForecaster

    kind: Literal["rollout"] = "rollout"
    context: FrameCount = 10
    horizon: FrameCount = 10

    @property
    def frames_needed(self) -> int:
        """See Scheme."""
        return self.context + self.horizon

    def loss(
        self,
        model: TrainableForecaster,
        clips: Video,
        loss: Loss,
        progress: float,
        draws: torch.Generator,
    ) -> Scalar:
        """See Scheme."""
        return loss(model.logits(clips[:, : self.context], self.horizon), clips[:, self.context : self.frames_needed])
