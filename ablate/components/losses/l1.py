"""Mean absolute error."""

from typing import Literal, final

import torch
from torch.nn import functional

from ablate.components.losses.loss import Loss
from ablate.core.tensors import Scalar, Video


@final
class L1(Loss):
    """Mean over pixels of |p - y|, p = sigmoid(logit); in [0, 1], 0 where p = y.

    Its best guess is the median: where less than half of the possible futures light a pixel, black.
    """

    kind: Literal["l1"] = "l1"

    def __call__(self, logits: Video, target: Video) -> Scalar:
        """See Loss."""
        return functional.l1_loss(torch.sigmoid(logits), target)
