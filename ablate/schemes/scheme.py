"""What training asks of a training scheme."""

from abc import ABC, abstractmethod

import torch

from ablate.component import Spec
from ablate.losses.loss import Loss
from ablate.models.forecaster import Forecaster
from ablate.tensors import Scalar, Video


class Scheme(Spec, ABC):
    """How frames are shown to the model while it learns, and which guesses the loss is taken over."""

    @property
    @abstractmethod
    def frames(self) -> int:
        """How many frames of a clip one training example needs."""

    @property
    @abstractmethod
    def trains(self) -> type[Forecaster]:
        """The kind of model this scheme can train."""

    @abstractmethod
    def loss(self, model: Forecaster, clips: Video, loss: Loss, progress: float, draws: torch.Generator) -> Scalar:
        """Return the loss of one batch of clips.

        `progress` runs from 0 at the first step to 1 at the last; `draws` is the only source of randomness.
        """
