"""What one optimization step minimizes under each training scheme."""

from typing import Any, Protocol

import torch

from ablate.components.losses.loss import Loss
from ablate.components.models.forecaster import NextFrameModel, TrainableForecaster
from ablate.components.schemes.specs import Rollout, ScheduledSampling
from ablate.core.tensors import Scalar, Video


class Objective(Protocol):
    """The loss of a model on a batch of clips."""

    def __call__(self, model: Any, clips: Video, progress: float, draws: torch.Generator) -> Scalar:
        """Return the loss of one batch, averaged over clips and predicted frames.

        `clips` have the scheme's `frames_needed` frames. `progress` runs from 0 at the first optimization step to 1 at
        the last. `draws` is the only source of randomness. The scheme must be able to train the model: reading a study
        checks that.
        """


def teacher_forced_loss(
    loss: Loss, model: NextFrameModel, clips: Video, progress: float, draws: torch.Generator
) -> Scalar:
    """Return the loss of the next frame, predicted at every position from true frames."""
    logits, _ = model(clips[:, :-1])
    return loss(logits, clips[:, 1:])


def rollout_loss(
    scheme: Rollout, loss: Loss, model: TrainableForecaster, clips: Video, progress: float, draws: torch.Generator
) -> Scalar:
    """Return the loss of a forecast of `horizon` frames from `context` true frames."""
    logits = model.logits(clips[:, : scheme.context], scheme.horizon)
    return loss(logits, clips[:, scheme.context : scheme.frames_needed])


def scheduled_sampling_loss(
    scheme: ScheduledSampling, loss: Loss, model: NextFrameModel, clips: Video, progress: float, draws: torch.Generator
) -> Scalar:
    """Return the loss of the next frame at every position, where some inputs are the model's own predictions."""
    target_probability = max(0.0, 1 - progress / scheme.decayed)
    logits, state = model(clips[:, : scheme.context])
    predictions = [logits]
    for t in range(scheme.context, scheme.frames_needed - 1):
        takes_target = torch.rand(len(clips), 1, 1, 1, 1, generator=draws).to(clips.device) < target_probability
        prediction = torch.sigmoid(predictions[-1][:, -1:])
        logits, state = model(torch.where(takes_target, clips[:, t : t + 1], prediction), state)
        predictions.append(logits)
    return loss(torch.cat(predictions, dim=1), clips[:, 1 : scheme.frames_needed])
