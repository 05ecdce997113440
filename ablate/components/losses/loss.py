"""What training asks of a loss."""

from abc import ABC, abstractmethod

from ablate.core.spec_base import Spec
from ablate.core.tensors import Scalar, Video


class Loss(Spec, ABC):
    """A frozen spec that is itself callable: `loss(logits, target)` is what training minimizes."""

    @abstractmethod
    def __call__(self, logits: Video, target: Video) -> Scalar:
        """Return the loss of a batch, averaged over clips and steps.

        `logits` are the model's output before its sigmoid; `target` lies in [0, 1].
        """
