"""Batch normalization by the moments of the current batch, with a hand-written gradient.

torch adds up a million pixels of a channels-last tensor one after the other, and its float32 variance is then wrong in
the fourth digit. Here each row is added up first, then the sums: as fast as memory allows, and exact to rounding.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ablate.components.models.fast import switch


def normalize_by_batch(images: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return images (batch, channel, height, width) normalized, and the mean and biased variance of each channel.

    Gradients flow through the normalized images only: the moments feed averages, which are not trained.
    y = (x - mean) w / sqrt(var + epsilon) + b (Ioffe & Szegedy 2015, arXiv 1502.03167, algorithm 1).
    """
    if not switch.ENABLED:
        return _plainly_normalized(images, weight, bias, epsilon)
    normalized: tuple[Tensor, Tensor, Tensor] = _Normalize.apply(images, weight, bias, epsilon)  # type: ignore[no-untyped-call]
    return normalized


class _Normalize(torch.autograd.Function):
    """Batch normalization as one operation of autograd."""

    @staticmethod
    def forward(
        ctx: Any, images: Tensor, weight: Tensor, bias: Tensor, epsilon: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.compiled = switch.gates_are_compiled() and any(ctx.needs_input_grad)
        rows = _rows(images)
        mean, variance = _moments(rows)
        inverse_sd = (variance + epsilon).rsqrt()
        ctx.save_for_backward(images, weight, mean, inverse_sd)
        ctx.mark_non_differentiable(mean, variance)
        normalized = switch.compiled_if(_scaled, ctx.compiled)(rows, mean, inverse_sd * weight, bias)
        return _images(normalized, images), mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        images, weight, mean, inverse_sd = ctx.saved_tensors
        rows, grad_normalized = _rows(images), _rows(grad_output)
        count = rows[..., 0].numel()
        grad_bias = _sum(grad_normalized)
        grad_weight = _sum((rows - mean) * grad_normalized) * inverse_sd
        slope = inverse_sd * weight
        by_variance = slope * inverse_sd * grad_weight / count
        by_mean = slope * grad_bias / count
        row_gradient = switch.compiled_if(_row_gradient, ctx.compiled)
        grad_rows = row_gradient(rows, mean, grad_normalized, slope, by_variance, by_mean)
        return _images(grad_rows, images), grad_weight, grad_bias, None


def _plainly_normalized(images: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    rows = _rows(images)
    mean, variance = _moments(rows)
    normalized = _scaled(rows, mean, (variance + epsilon).rsqrt() * weight, bias)
    return _images(normalized, images), mean.detach(), variance.detach()


def _moments(rows: Tensor) -> tuple[Tensor, Tensor]:
    count = rows[..., 0].numel()
    mean = _sum(rows) / count
    return mean, _sum((rows - mean).square()) / count


def _scaled(rows: Tensor, mean: Tensor, slope: Tensor, bias: Tensor) -> Tensor:
    return (rows - mean) * slope + bias


def _row_gradient(
    rows: Tensor, mean: Tensor, grad_normalized: Tensor, slope: Tensor, by_variance: Tensor, by_mean: Tensor
) -> Tensor:
    return grad_normalized * slope - (rows - mean) * by_variance - by_mean


def _rows(images: Tensor) -> Tensor:
    """Return the images as (row, width, channel)."""
    return images.permute(0, 2, 3, 1).flatten(0, 1)


def _images(rows: Tensor, like: Tensor) -> Tensor:
    return rows.view(len(like), -1, *rows.shape[1:]).permute(0, 3, 1, 2)


def _sum(rows: Tensor) -> Tensor:
    return rows.sum(0).sum(0)
