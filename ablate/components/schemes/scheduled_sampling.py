"""Scheduled sampling: true frames are gradually replaced by the model's own guesses."""

from typing import Annotated, ClassVar, Literal, final

import torch
from pydantic import Field

from ablate.components.losses.loss import Loss
from ablate.components.models.forecaster import NextFrameModel
from ablate.components.schemes.scheme import Scheme
from ablate.core.sizes import FrameCount
from ablate.core.tensors import Scalar, Video


@final
class ScheduledSampling(Scheme):
    """Loss over the guess of the next frame at every position, where some inputs are own guesses.

    Bengio et al. 2015 (arXiv 1506.03099), linear decay: after `context` true frames the input of each
    clip and step is the true frame with a probability that falls from 1 at the first optimization step
    to 0 at `decayed` of all steps. Gradients flow through the guesses that are fed back.
    """

    trains: ClassVar[type] = NextFrameModel

    kind: Literal["scheduled_sampling"] = "scheduled_sampling"
    context: FrameCount = 10
    horizon: FrameCount = 10
    decayed: Annotated[float, Field(gt=0, le=1)] = 0.75

    @property
    def frames_needed(self) -> int:
        """See Scheme."""
        return self.context + self.horizon

    def loss(self, model: NextFrameModel, clips: Video, loss: Loss, progress: float, draws: torch.Generator) -> Scalar:
        """See Scheme."""
        target_share = max(0.0, 1 - progress / self.decayed)
        logits, state = model(clips[:, : self.context])
        guesses = [logits]
        for t in range(self.context, self.frames_needed - 1):
            shown_true = torch.rand(len(clips), 1, 1, 1, 1, generator=draws).to(clips.device) < target_share
            own = torch.sigmoid(guesses[-1][:, -1:])
            logits, state = model(torch.where(shown_true, clips[:, t : t + 1], own), state)
            guesses.append(logits)
        return loss(torch.cat(guesses, dim=1), clips[:, 1 : self.frames_needed])
