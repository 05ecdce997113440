"""How far a net's guesses reach in fact: which input pixels move an output pixel, by gradient."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ablate.components.models.forecaster import Forecaster
from ablate.core.tensors import Video
from ablate.diagnosis.probes.kernel_reach import Reach
from ablate.measurement.metrics.ghost_masks import LIT

Map = Float[np.ndarray, "row column"]
"""Absolute gradient by where the input pixel lies from the output pixel, which is the center."""

Distances = Int[np.ndarray, "row column"]


def differentiable(model: Forecaster, clips: Video) -> bool:
    """Tell whether a gradient runs from the guesses to the frames."""
    with torch.enable_grad():
        return model.one_step(clips[:1].clone().requires_grad_()).requires_grad


def one_step_maps(model: Forecaster, history: Video) -> list[Map]:
    """Return the maps from the last guess to the frame 1, 2, ... steps before the guessed one, summed over clips.

    One output pixel of each clip's guess is taken (see _pixel). The last guess sees no later frame.
    """
    return _summed(_one_step(model, clip) for clip in torch.split(history, 1))


def rollout_maps(model: Forecaster, history: Video, steps: Sequence[int]) -> list[Map]:
    """Return the maps from these forecast steps (from 1) to the last known frame, summed over clips."""
    return _summed(_rollout(model, clip, steps) for clip in torch.split(history, 1))


def support(gradient: Map) -> Reach | None:
    """Return the smallest square that holds every pixel with a gradient; None where there is none.

    On a GPU a fast convolution may leave rounding where there is no gradient.
    """
    found = np.argwhere(gradient > 0) - len(gradient) // 2
    return Reach(max(0, -int(found.min())), max(0, int(found.max()))) if len(found) else None


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
        guess = model.one_step(frames)[0, -1, 0]
        row, column = _pixel(guess, clip[0, -1, 0])
        (gradient,) = torch.autograd.grad(guess[row, column], frames)
    return [_centered(frame, row, column) for frame in gradient[0, :, 0].flip(0)]


def _rollout(model: Forecaster, clip: Video, steps: Sequence[int]) -> list[Map]:
    maps = []
    with torch.enable_grad():
        frames = clip.clone().requires_grad_()
        forecast = model.forecast(frames, max(steps))
        for step in steps:
            guess = forecast[0, step - 1, 0]
            row, column = _pixel(guess, clip[0, -1, 0])
            (gradient,) = torch.autograd.grad(guess[row, column], frames, retain_graph=True)
            maps.append(_centered(gradient[0, -1, 0], row, column))
    return maps


def _pixel(guess: Tensor, last: Tensor) -> tuple[int, int]:
    """Return the pixel of the frame's middle, lit in the last known frame, whose guess is nearest one half.

    There the sigmoid is steepest, and a relu has something to pass on. If none is lit there, any pixel will do.
    """
    height, width = guess.shape
    middle = slice(height // 4, height - height // 4), slice(width // 4, width - width // 4)
    doubt = (guess[middle] - 0.5).abs() + (last[middle] < LIT)
    row, column = divmod(int(doubt.argmin()), doubt.shape[1])
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
