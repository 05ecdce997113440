"""Batch normalization by the moments of the batch at hand, with its own gradient.

torch adds up a million pixels that lie channels last one after the other, and its variance of float32 is then off in
the fourth digit. Here rows are added first, then their sums: as quick as memory allows, and exact to rounding.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ablate.components.models.fast.fusion import in_one_pass, is_fused


def normalize_by_batch(images: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return images (batch, channel, height, width) normalized, and each channel's mean and biased variance.

    The gradient goes through the normalized images alone: the moments are for averages that are not trained.
    """
    result: tuple[Tensor, Tensor, Tensor] = _Normalize.apply(images, weight, bias, epsilon)  # type: ignore[no-untyped-call]
    return result


class _Normalize(torch.autograd.Function):
    """y = (x - mean) w / sqrt(var + epsilon) + b (Ioffe & Szegedy 2015, arXiv 1502.03167, algorithm 1)."""

    @staticmethod
    def forward(
        ctx: Any, images: Tensor, weight: Tensor, bias: Tensor, epsilon: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.fused = is_fused() and any(ctx.needs_input_grad)
        rows = _rows(images)
        count = rows[..., 0].numel()
        mean = _sum(rows) / count
        variance = _sum((rows - mean).square()) / count
        steepness = (variance + epsilon).rsqrt()
        ctx.save_for_backward(images, weight, mean, steepness)
        ctx.mark_non_differentiable(mean, variance)
        normalized = in_one_pass(_stretch, ctx.fused)(rows, mean, steepness * weight, bias)
        return _images(normalized, images), mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, pulls: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        images, weight, mean, steepness = ctx.saved_tensors
        rows, pulling = _rows(images), _rows(pulls)
        count = rows[..., 0].numel()
        of_bias = _sum(pulling)
        of_weight = _sum((rows - mean) * pulling) * steepness
        slope = steepness * weight
        tilt = slope * steepness * of_weight / count
        of_rows = in_one_pass(_release, ctx.fused)(rows, mean, pulling, slope, tilt, slope * of_bias / count)
        return _images(of_rows, images), of_weight, of_bias, None


def _stretch(rows: Tensor, mean: Tensor, slope: Tensor, bias: Tensor) -> Tensor:
    return (rows - mean) * slope + bias


def _release(rows: Tensor, mean: Tensor, pulling: Tensor, slope: Tensor, tilt: Tensor, shift: Tensor) -> Tensor:
    return pulling * slope - (rows - mean) * tilt - shift


def _rows(images: Tensor) -> Tensor:
    """Return the images as (row, width, channel)."""
    return images.permute(0, 2, 3, 1).flatten(0, 1)


def _images(rows: Tensor, like: Tensor) -> Tensor:
    return rows.view(len(like), -1, *rows.shape[1:]).permute(0, 3, 1, 2)


def _sum(rows: Tensor) -> Tensor:
    return rows.sum(0).sum(0)
