"""Gradient difference loss."""

from typing import Annotated, Literal, final

import torch
from pydantic import Field
from torch.nn import functional

from ablate.components.losses.loss import Loss
from ablate.core.tensors import Scalar, Video


@final
class GradientDifference(Loss):
    """Mean squared error plus `weight` times the difference of the images' gradients; 0 where p = y.

    Mathieu et al. 2016 (arXiv 1511.05440, equation 5) with the exponent `alpha`, averaged over pixels:
    | |y_i - y_(i-1)| - |p_i - p_(i-1)| |^alpha, down and across, p = sigmoid(logit). Gradients alone cannot see
    a constant offset, so, as there, the squared error stands beside them.
    """

    kind: Literal["gradient_difference"] = "gradient_difference"
    weight: Annotated[float, Field(gt=0)] = 1.0
    alpha: Annotated[float, Field(ge=1, le=2)] = 1.0

    def __call__(self, logits: Video, target: Video) -> Scalar:
        """See Loss."""
        guess = torch.sigmoid(logits)
        down = (target.diff(dim=-2).abs() - guess.diff(dim=-2).abs()).abs().pow(self.alpha).mean()
        across = (target.diff(dim=-1).abs() - guess.diff(dim=-1).abs()).abs().pow(self.alpha).mean()
        return functional.mse_loss(guess, target) + self.weight * (down + across)
