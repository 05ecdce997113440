"""What training minimizes: the type of every loss, and the losses that compare pixels or neighboring pixels.

`logits` are the model's output before its sigmoid, `target` holds the true frames in [0, 1]; both are
(batch, time, channel, height, width). Each loss returns the mean over all pixels as a scalar. The specs give formulas,
ranges and sources.
"""

from collections.abc import Callable

import torch
from torch.nn import functional

from ablate.core.tensors import Scalar, Video

Loss = Callable[[Video, Video], Scalar]
"""A function of logits and target."""


def bce(logits: Video, target: Video) -> Scalar:
    """Return the binary cross-entropy in nats, computed from the logits for its gradient at saturated pixels."""
    return functional.binary_cross_entropy_with_logits(logits, target)


def mse(logits: Video, target: Video) -> Scalar:
    """Return the mean squared error, in [0, 1]."""
    return functional.mse_loss(torch.sigmoid(logits), target)


def l1(logits: Video, target: Video) -> Scalar:
    """Return the mean absolute error, in [0, 1]."""
    return functional.l1_loss(torch.sigmoid(logits), target)


def l1_l2(logits: Video, target: Video, l1_weight: float, l2_weight: float) -> Scalar:
    """Return the weighted sum of mean absolute and mean squared error."""
    predicted = torch.sigmoid(logits)
    return l1_weight * functional.l1_loss(predicted, target) + l2_weight * functional.mse_loss(predicted, target)


def gradient_difference(logits: Video, target: Video, weight: float, alpha: float) -> Scalar:
    """Return the mean squared error plus `weight` times the difference of absolute image gradients to the `alpha`."""
    predicted = torch.sigmoid(logits)
    vertical = (target.diff(dim=-2).abs() - predicted.diff(dim=-2).abs()).abs().pow(alpha).mean()
    horizontal = (target.diff(dim=-1).abs() - predicted.diff(dim=-1).abs()).abs().pow(alpha).mean()
    return functional.mse_loss(predicted, target) + weight * (vertical + horizontal)
