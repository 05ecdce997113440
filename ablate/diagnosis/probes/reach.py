"""How far predictions reach: what the kernels allow, whatever the weights, and what the gradient shows."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ablate.components.models.convlstm import ConvLSTMNetwork
from ablate.components.models.convlstm_layer import ConvLSTMLayer
from ablate.components.models.encoder_forecaster import EncoderForecasterNetwork
from ablate.components.models.forecaster import Forecaster
from ablate.components.models.normalization import BatchNorm, GroupNorm
from ablate.core.tensors import Video
from ablate.measurement.metrics.ghost_masks import LIT

Map = Float[np.ndarray, "row column"]
"""Absolute gradient by the position of the input pixel relative to the output pixel, which is the center."""

Distances = Int[np.ndarray, "row column"]


@dataclass(frozen=True)
class PixelReach:
    """The square of input pixels that an output pixel may depend on, in pixels before and after it.

    Before is above and to the left, after is below and to the right; rows and columns alike.
    """

    before: int
    after: int

    @property
    def radius(self) -> int:
        """Chessboard distance to the farthest pixel."""
        return max(self.before, self.after)

    def __add__(self, second: "PixelReach") -> "PixelReach":
        return PixelReach(self.before + second.before, self.after + second.after)

    def __mul__(self, times: int) -> "PixelReach":
        return PixelReach(self.before * times, self.after * times)


def kernel_of(size: int) -> PixelReach:
    """Return the reach of one convolution; an even kernel reaches one pixel farther down and right (see padding)."""
    return PixelReach((size - 1) // 2, size // 2)


@dataclass(frozen=True)
class KernelReach:
    """How the reach grows with time, in patches of `patch` x `patch` pixels."""

    first: PixelReach
    """From a frame to the prediction of the next frame."""
    state_step: PixelReach
    """Added by each further step that information stays in the states while true frames come in."""
    rollout_step: PixelReach
    """Added by each further forecast step, through the states or the frame fed back."""
    patch: int = 1

    def one_step(self, apart: int) -> PixelReach:
        """Return the reach in pixels from a frame to the prediction of the frame `apart` (1 or more) steps later."""
        return self._pixels(self.first + self.state_step * (apart - 1))

    def rollout(self, step: int) -> PixelReach:
        """Return the reach in pixels from the last known frame to forecast step 1 or later."""
        return self._pixels(self.first + self.rollout_step * (step - 1))

    @property
    def by_states(self) -> int:
        """Pixels by which each further step in the states widens the reach."""
        return self.state_step.radius * self.patch

    def _pixels(self, reach: PixelReach) -> PixelReach:
        """Return the reach in pixels, for the pixel of a patch with the farthest reach."""
        return reach * self.patch + PixelReach(self.patch - 1, self.patch - 1)


def kernel_reach(model: Forecaster) -> KernelReach | None:
    """Return how far the kernels of one of our networks reach.

    None where kernels do not bound it: a foreign network, or normalization by statistics of whole frames.
    """
    if any(_spans_frames(module) for module in model.modules()):
        return None
    if isinstance(model, ConvLSTMNetwork):
        layers = _layers(model.layers)
        first = _input_reach(layers) + _head_reach(model.head)
        state = _state_reach(layers)
        fed_back = PixelReach(max(first.before, state.before), max(first.after, state.after))
        return KernelReach(first, state, fed_back)
    if isinstance(model, EncoderForecasterNetwork):
        layers = _layers(model.encoder)
        state = _state_reach(layers)
        patch = math.isqrt(model.head.out_channels)
        return KernelReach(_input_reach(layers) + state, state, state, patch)
    return None


def _input_reach(layers: Iterable[ConvLSTMLayer]) -> PixelReach:
    """Return the reach of all input kernels in sequence."""
    return sum((kernel_of(layer.kernel.shape[-1]) for layer in layers if layer.kernel is not None), PixelReach(0, 0))


def _state_reach(layers: Iterable[ConvLSTMLayer]) -> PixelReach:
    """Return the reach of the largest state kernel, since a path may stay in any layer."""
    return kernel_of(max(layer.state_kernel.shape[-1] for layer in layers))


def _layers(modules: Iterable[nn.Module]) -> list[ConvLSTMLayer]:
    return [module for module in modules if isinstance(module, ConvLSTMLayer)]


def _head_reach(head: nn.Module) -> PixelReach:
    (size,) = {module.kernel_size[-1] for module in head.modules() if isinstance(module, nn.Conv2d | nn.Conv3d)}
    return kernel_of(size)


def _spans_frames(module: nn.Module) -> bool:
    return isinstance(module, GroupNorm) or (isinstance(module, BatchNorm) and module.statistics == "batch")


def is_differentiable(model: Forecaster, clips: Video) -> bool:
    """Return whether a gradient connects the predictions with the frames."""
    with torch.enable_grad():
        return model.one_step(clips[:1].clone().requires_grad_()).requires_grad


def one_step_maps(model: Forecaster, history: Video) -> list[Map]:
    """Return the maps from the last prediction to the frame 1, 2, ... steps before it, summed over clips.

    One output pixel of each clip is taken (see _pixel). The last prediction sees no later frame.
    """
    return _summed(_one_step(model, clip) for clip in torch.split(history, 1))


def rollout_maps(model: Forecaster, history: Video, steps: Sequence[int]) -> list[Map]:
    """Return the maps from these forecast steps (from 1) to the last known frame, summed over clips."""
    return _summed(_rollout(model, clip, steps) for clip in torch.split(history, 1))


def support(gradient: Map) -> PixelReach | None:
    """Return the smallest square that holds every pixel with a gradient; None where there is none.

    On a GPU a fast convolution may leave rounding errors where there is no gradient.
    """
    offsets = np.argwhere(gradient > 0) - len(gradient) // 2
    return PixelReach(max(0, -int(offsets.min())), max(0, int(offsets.max()))) if len(offsets) else None


def mass_radius(gradient: Map, share: float) -> float:
    """Return the chessboard radius within which at least this share of the gradient lies; NaN where there is none."""
    total = gradient.sum()
    if total == 0:
        return float("nan")
    within = np.cumsum(np.bincount(_distance(gradient).ravel(), weights=gradient.ravel()))
    return float(np.searchsorted(within, share * total * (1 - 1e-9)))  # the last sum may fall short by rounding


def _one_step(model: Forecaster, clip: Video) -> list[Map]:
    with torch.enable_grad():
        frames = clip.clone().requires_grad_()
        prediction = model.one_step(frames)[0, -1, 0]
        row, column = _pixel(prediction, clip[0, -1, 0])
        (gradient,) = torch.autograd.grad(prediction[row, column], frames)
    return [_centered(frame, row, column) for frame in gradient[0, :, 0].flip(0)]


def _rollout(model: Forecaster, clip: Video, steps: Sequence[int]) -> list[Map]:
    maps = []
    with torch.enable_grad():
        frames = clip.clone().requires_grad_()
        forecast = model.forecast(frames, max(steps))
        for step in steps:
            prediction = forecast[0, step - 1, 0]
            row, column = _pixel(prediction, clip[0, -1, 0])
            (gradient,) = torch.autograd.grad(prediction[row, column], frames, retain_graph=True)
            maps.append(_centered(gradient[0, -1, 0], row, column))
    return maps


def _pixel(prediction: Tensor, last: Tensor) -> tuple[int, int]:
    """Return the pixel in the middle of the frame, lit in the last known frame, whose prediction is nearest one half.

    There the sigmoid is steepest, and a relu is active. Where no pixel is lit, any pixel of the middle is taken.
    """
    height, width = prediction.shape
    middle = slice(height // 4, height - height // 4), slice(width // 4, width - width // 4)
    distance = (prediction[middle] - 0.5).abs() + (last[middle] < LIT)
    row, column = divmod(int(distance.argmin()), distance.shape[1])
    return height // 4 + row, width // 4 + column


def _centered(gradient: Tensor, row: int, column: int) -> Map:
    height, width = gradient.shape
    side = 2 * max(height, width) - 1
    centered, center = np.zeros((side, side)), side // 2
    rows, columns = slice(center - row, center - row + height), slice(center - column, center - column + width)
    centered[rows, columns] = gradient.abs().double().cpu().numpy()
    return centered


def _summed(clips: Iterable[list[Map]]) -> list[Map]:
    return [np.sum(maps, axis=0) for maps in zip(*clips, strict=True)]


def _distance(gradient: Map) -> Distances:
    center = len(gradient) // 2
    away = np.abs(np.arange(len(gradient)) - center)
    return np.maximum.outer(away, away)
