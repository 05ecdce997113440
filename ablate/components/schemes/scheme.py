"""What training asks of a training scheme."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch

from ablate.components.losses.loss import Loss
from ablate.core.spec_base import Spec
from ablate.core.tensors import Scalar, Video


class Scheme(Spec, ABC):
    """How frames are shown to the model while it learns, and which guesses the loss is taken over."""

    trains: ClassVar[type]
    """The kind of model this scheme can train."""

    @property
    @abstractmethod
    def frames_needed(self) -> int:
        """How many frames of a clip one training example needs."""

    @abstractmethod
    def loss(self, model: Any, clips: Video, loss: Loss, progress: float, draws: torch.Generator) -> Scalar:
        """Return the loss of one batch of clips.

        `model` is of the kind that `trains` names: a study is checked for that when it is read.
        `progress` runs from 0 at the first step to 1 at the last; `draws` is the only source of randomness.
        """
