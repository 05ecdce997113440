"""Mean squared error."""

from typing import Literal, final

import torch
from torch.nn import functional

from ablate.components.losses.loss import Loss
from ablate.core.tensors import Scalar, Video


@final
class MSE(Loss):
    """Mean over pixels of (p - y)^2, p = sigmoid(logit); in [0, 1], 0 where p = y."""

    kind: Literal["mse"] = "mse"

    def __call__(self, logits: Video, target: Video) -> Scalar:
        """See Loss."""
        return functional.mse_loss(torch.sigmoid(logits), target)
