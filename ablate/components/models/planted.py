"""The model of Ablate's self-test: a known ghost, made by known switches."""

from itertools import accumulate
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ablate.components.models.forecaster import Forecaster
from ablate.components.models.specs import SWITCHES, Planted
from ablate.core.tensors import Video

RECENT = 4  # frames that the velocity is taken from: fewer, and whole pixels are too coarse for a slow digit

Velocity = Float[Tensor, "batch 2"]
"""Pixels a frame, to the right and down."""


@final
class KnownGhost(Forecaster):
    """Moves one digit straight on, and leaves a ghost of known strength wherever it was.

    The digit is drawn a pixel wider on each side, so that a place off by one still covers it at full brightness. Each
    forecast frame is max(digit, strength * the brightest that the pixel was before), whose ghost ratio is the strength.
    """

    strength: Tensor

    def __init__(self, spec: Planted) -> None:
        super().__init__()
        self.register_buffer("strength", _strength(spec))

    def forecast(self, history: Video, horizon: int) -> Video:
        """See Forecaster."""
        moved = _moved(history[:, -1:], _velocity(history[:, -RECENT:]), horizon)
        before = torch.stack(list(accumulate(moved[:, :-1].unbind(1), torch.maximum, initial=history.amax(1))), dim=1)
        digit = functional.max_pool2d(moved.flatten(0, 1), 3, stride=1, padding=1).view_as(moved)
        return torch.maximum(digit, self.strength * before)

    def one_step(self, frames: Video) -> Video:
        """See Forecaster: each prefix of the frames is forecast by itself."""
        return torch.cat([self.forecast(frames[:, : t + 1], 1) for t in range(frames.shape[1])], dim=1)


def _strength(spec: Planted) -> Tensor:
    """Return the strength of the ghost, noise included.

    There is a draw for each setting of the switches, so that runs of one seed differ by chance as trained nets do.
    """
    setting = sum(getattr(spec, switch) << place for place, switch in enumerate(SWITCHES))
    planted = spec.base + spec.cause * spec.culprit + spec.pair * (spec.partner_a == spec.partner_b)
    return (planted + spec.noise * torch.randn(2 ** len(SWITCHES))[setting]).clamp(0, 1)


def _velocity(frames: Video) -> Velocity:
    """Return the slope of a straight line through the centers of the ink over time."""
    time = torch.arange(frames.shape[1], dtype=frames.dtype, device=frames.device)
    apart = time - time.mean()
    return torch.einsum("btk,t->bk", _centers(frames), apart) / apart.square().sum().clamp_min(1)


def _centers(frames: Video) -> Float[Tensor, "batch time 2"]:
    ink = frames.sum((2, 3, 4)).clamp_min(torch.finfo(frames.dtype).tiny)
    across, down = frames.sum((2, 3)), frames.sum((2, 4))
    means = [(sums * torch.arange(sums.shape[2], device=frames.device)).sum(2) / ink for sums in (across, down)]
    return torch.stack(means, dim=-1)


def _moved(frame: Video, velocity: Velocity, steps: int) -> Video:
    """Return `frame` after 1 to `steps` steps, moved by whole pixels, black coming in from outside."""
    time = torch.arange(1, steps + 1, dtype=frame.dtype, device=frame.device)
    pixels = (velocity[:, None] * time[:, None]).round()
    side = frame.new_tensor([frame.shape[-1], frame.shape[-2]])
    shift = torch.eye(2, 3, dtype=frame.dtype, device=frame.device).repeat(len(frame), steps, 1, 1)
    shift[..., 2] = -2 * pixels / side  # affine_grid's frame goes from -1 to 1
    still = frame.repeat(1, steps, 1, 1, 1)
    frames = still.flatten(0, 1)
    grid = functional.affine_grid(shift.flatten(0, 1), list(frames.shape), align_corners=False)
    return functional.grid_sample(frames, grid, mode="nearest", align_corners=False).view_as(still)
