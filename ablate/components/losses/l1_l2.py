"""Absolute and squared error together."""

from typing import Annotated, Literal, final

import torch
from pydantic import Field
from torch.nn import functional

from ablate.components.losses.loss import Loss
from ablate.core.tensors import Scalar, Video


@final
class L1L2(Loss):
    """Mean over pixels of l1 |p - y| + l2 (p - y)^2, p = sigmoid(logit); 0 where p = y.

    The sum of both is what PredRNN (Wang et al. 2017, NeurIPS 30) and its successors train with.
    """

    kind: Literal["l1_l2"] = "l1_l2"
    l1: Annotated[float, Field(gt=0)] = 1.0
    l2: Annotated[float, Field(gt=0)] = 1.0

    def __call__(self, logits: Video, target: Video) -> Scalar:
        """See Loss."""
        guess = torch.sigmoid(logits)
        return self.l1 * functional.l1_loss(guess, target) + self.l2 * functional.mse_loss(guess, target)
