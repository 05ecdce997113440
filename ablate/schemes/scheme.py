"""What training asks of a training scheme."""

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

import torch

from ablate.component import Spec
from ablate.losses.loss import Loss
from ablate.models.forecaster import TrainableForecaster
from ablate.tensors import Scalar, Video

Model = TypeVar("Model", bound=TrainableForecaster)


class Scheme(Spec, ABC, Generic[Model]):
    """How frames are shown to the model while it learns, and which guesses the loss is taken over."""

    trains: ClassVar[type[TrainableForecaster]]
    """The kind of model this scheme can train."""

    @property
    @abstractmethod
    def frames_needed(self) -> int:
        """How many frames of a clip one training example needs."""

    @abstractmethod
    def loss(self, model: Model, clips: Video, loss: Loss, progress: float, draws: torch.Generator) -> Scalar:
        """Return the loss of one batch of clips.

        `progress` runs from 0 at the first step to 1 at the last; `draws` is the only source of randomness.
        """
