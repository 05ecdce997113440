"""The model of the self-test: a ghost of known strength, set by known switches."""

from itertools import accumulate
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ablate.components.models.forecaster import Forecaster
from ablate.components.models.specs import SWITCHES, Planted
from ablate.core.tensors import Forecast, Video

VELOCITY_FRAMES = 4  # to estimate the velocity: with fewer, whole pixels are too coarse for a slow digit

Velocity = Float[Tensor, "batch 2"]
"""Pixels per frame, to the right and down."""


@final
class KnownGhost(Forecaster):
    """Moves one digit in a straight line, and leaves a ghost of known strength along its path.

    The digit is drawn one pixel wider on each side, so that a position that is off by one still covers it at full
    brightness. Each forecast frame is max(digit, strength * maximum of the pixel so far): its ghost ratio is the
    strength.
    """

    strength: Tensor

    def __init__(self, spec: Planted) -> None:
        super().__init__()
        self.register_buffer("strength", _strength(spec))

    def forecast(self, history: Video, horizon: int) -> Forecast:
        """See Forecaster."""
        moved = _moved(history[:, -1:], _velocity(history[:, -VELOCITY_FRAMES:]), horizon)
        before = torch.stack(list(accumulate(moved[:, :-1].unbind(1), torch.maximum, initial=history.amax(1))), dim=1)
        digit = functional.max_pool2d(moved.flatten(0, 1), 3, stride=1, padding=1).view_as(moved)
        return torch.maximum(digit, self.strength * before)

    def one_step(self, frames: Video) -> Video:
        """See Forecaster: each prefix of the frames is continued separately."""
        return torch.cat([self.forecast(frames[:, : t + 1], 1) for t in range(frames.shape[1])], dim=1)


def _strength(spec: Planted) -> Tensor:
    """Return the strength of the ghost, with noise.

    Each setting of the switches has its own draw, so that runs of one seed differ by chance as trained networks do.
    """
    setting = sum(getattr(spec, switch) << place for place, switch in enumerate(SWITCHES))
    expected = spec.base + spec.cause * spec.culprit + spec.pair * (spec.partner_a == spec.partner_b)
    return (expected + spec.noise * torch.randn(2 ** len(SWITCHES))[setting]).clamp(0, 1)


def _velocity(frames: Video) -> Velocity:
    """Return the slope of a straight line fitted to the center of mass of the ink over time."""
    time = torch.arange(frames.shape[1], dtype=frames.dtype, device=frames.device)
    centered = time - time.mean()
    return torch.einsum("btk,t->bk", _centers(frames), centered) / centered.square().sum().clamp_min(1)


def _centers(frames: Video) -> Float[Tensor, "batch time 2"]:
    ink = frames.sum((2, 3, 4)).clamp_min(torch.finfo(frames.dtype).tiny)
    across, down = frames.sum((2, 3)), frames.sum((2, 4))
    means = [(sums * torch.arange(sums.shape[2], device=frames.device)).sum(2) / ink for sums in (across, down)]
    return torch.stack(means, dim=-1)


def _moved(frame: Video, velocity: Velocity, steps: int) -> Forecast:
    """Return `frame` after 1 to `steps` steps, moved by whole pixels; black enters from outside the frame."""
    time = torch.arange(1, steps + 1, dtype=frame.dtype, device=frame.device)
    pixels = (velocity[:, None] * time[:, None]).round()
    side = frame.new_tensor([frame.shape[-1], frame.shape[-2]])
    shift = torch.eye(2, 3, dtype=frame.dtype, device=frame.device).repeat(frame.shape[0], steps, 1, 1)
    shift[..., 2] = -2 * pixels / side  # affine_grid's coordinates go from -1 to 1
    still = frame.repeat(1, steps, 1, 1, 1)
    frames = still.flatten(0, 1)
    grid = functional.affine_grid(shift.flatten(0, 1), list(frames.shape), align_corners=False)
    return functional.grid_sample(frames, grid, mode="nearest", align_corners=False).view_as(still)
