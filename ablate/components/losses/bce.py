"""Binary cross-entropy."""

from typing import Literal, final

from torch.nn import functional

from ablate.components.losses.loss import Loss
from ablate.core.tensors import Scalar, Video


@final
class BCE(Loss):
    """Mean over pixels of -y log p - (1 - y) log(1 - p), p = sigmoid(logit); at least 0, in nats.

    Taken from the logits, so that a saturated pixel still has the gradient p - y. At its smallest, which
    for gray truth is above 0, where p = y.
    """

    kind: Literal["bce"] = "bce"

    def __call__(self, logits: Video, target: Video) -> Scalar:
        """See Loss."""
        return functional.binary_cross_entropy_with_logits(logits, target)
