"""Whether the receptive field is wide enough to follow the digits: kernels and gradient against their speed."""

import math
from collections.abc import Sequence
from itertools import product
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ablate.core.tensors import Video
from ablate.diagnosis.probes.probe import Probe, Subject
from ablate.diagnosis.probes.reach import (
    KernelReach,
    Map,
    PixelReach,
    is_differentiable,
    kernel_reach,
    mass_radius,
    one_step_maps,
    rollout_maps,
    support,
)
from ablate.measurement.metrics.ghost_masks import LIT
from ablate.storage.findings import Chart, Finding, Image, Line, Number

CLIPS = 4
SHARE = 0.9  # of the absolute gradient, that the stated radius holds
DRAWN_DISTANCES = (1, 2, 3)  # frames before the predicted one whose gradient is drawn
MAX_HALF_WIDTH = 16  # pixels around the center of a picture
DECADES = 4  # range of a picture: black is this many powers of ten below the strongest pixel

Pixels = Float[Tensor, " pixel"]


@final
class ReceptiveField(Probe):
    """Compares how far the kernels and the gradient reach with how far digits move.

    The gradient is that of one output pixel per clip. It shows what these weights use; the kernels show what no
    training can exceed.
    """

    name: ClassVar[str] = "receptive_field"

    def applies_to(self, subject: Subject) -> bool:
        """See Probe: it needs a gradient from the predictions to the frames."""
        return is_differentiable(subject.model, subject.clips[:, : subject.context])

    def apply(self, subject: Subject) -> Finding:
        """See Probe."""
        history = subject.clips[:CLIPS, : subject.context]
        steps = sorted({1, min(2, subject.horizon), (subject.horizon + 1) // 2, subject.horizon})
        back = range(1, subject.context + 1)
        maps, ahead = one_step_maps(subject.model, history), rollout_maps(subject.model, history, steps)
        kernels, speed = kernel_reach(subject.model), digit_speed(subject.clips[:CLIPS])
        seen = [kernels.one_step(apart) for apart in back] if kernels else []
        fed_back = [kernels.rollout(step) for step in steps] if kernels else []
        carried = seen[0] if kernels else support(maps[0])
        numbers: dict[str, Number] = {
            "speed": speed,
            "carries_down_and_right": carried.before if carried else None,
            "carries_up_and_left": carried.after if carried else None,
            "reach_by_kernels": seen[0].radius if kernels else None,
            "reach_by_gradient": _radius(maps[0]),
            "state_step_by_kernels": kernels.by_states if kernels else None,
            "radius_of_90_percent": mass_radius(maps[0], SHARE),
            "radius_of_90_percent_at_the_last_step": mass_radius(ahead[-1], SHARE),
        }
        return Finding(
            probe=self.name,
            title="Does the receptive field cover the motion of the digits?",
            intervention="The gradient of one predicted pixel was traced back to the pixels of every earlier frame.",
            sentences=_sentences(kernels, carried, maps[0], ahead[-1], speed),
            numbers=numbers,
            charts=(
                _chart("Reach of the prediction of the next frame", "frames before it", back, maps, seen, speed),
                _chart("Reach of a forecast step to the last known frame", "step", steps, ahead, fed_back, speed),
            ),
            images=tuple(_picture(maps[apart - 1], apart) for apart in DRAWN_DISTANCES if apart <= len(maps)),
        )


def digit_speed(clips: Video) -> float:
    """Return how far digits move per step, in pixels (chessboard distance); NaN without digits.

    It is the mean of `pixel_shifts`. Where digits cross, some shifts are wrong.
    """
    shifts = pixel_shifts(clips)
    return shifts.mean().item() if len(shifts) else math.nan


def pixel_shifts(clips: Video) -> Pixels:
    """Return for every lit pixel of every frame but the first how far (chessboard distance) it moved.

    Block matching: of all shifts of the frame before, up to a sixth of the frame, take the one with the least squared
    difference in the window around the pixel, a quarter of the frame wide; among equal ones the shortest.
    """
    before, now = clips[:, :-1].flatten(0, 1), clips[:, 1:].flatten(0, 1)
    farthest, window = now.shape[-1] // 6, now.shape[-1] // 4 | 1
    offsets = range(-farthest, farthest + 1)
    padded = functional.pad(before, (farthest,) * 4)
    least, shifts = torch.full_like(now, torch.inf), torch.zeros_like(now)
    for down, right in sorted(product(offsets, offsets), key=_length):
        shifted = padded[..., farthest - down :, farthest - right :][..., : now.shape[-2], : now.shape[-1]]
        cost = _window_mean((now - shifted).square(), window)
        better = cost < least
        least, shifts = torch.where(better, cost, least), shifts.masked_fill(better, _length((down, right)))
    return shifts[now >= LIT]


def _window_mean(images: Tensor, window: int) -> Tensor:
    """Return the mean over the window around each pixel; rows first, then columns, is much faster."""
    rows = functional.avg_pool2d(images, (1, window), stride=1, padding=(0, window // 2))
    return functional.avg_pool2d(rows, (window, 1), stride=1, padding=(window // 2, 0))


def _length(shift: tuple[int, int]) -> int:
    return max(abs(shift[0]), abs(shift[1]))


def _sentences(
    kernels: KernelReach | None, carried: PixelReach | None, nearest: Map, last: Map, speed: float
) -> tuple[str, ...]:
    if carried is None:
        return ("No pixel of the last known frame moves the prediction of the next: the gradient is zero everywhere.",)
    return (
        _speed_sentence("kernels reach" if kernels else "the gradient reaches", carried, speed),
        *([_state_sentence(kernels.by_states)] if kernels else []),
        _gradient_sentence(mass_radius(nearest, SHARE), mass_radius(last, SHARE)),
    )


def _speed_sentence(subject: str, carried: PixelReach, speed: float) -> str:
    directions = f"{carried.before} pixels down or right and {carried.after} up or left"
    distance = f"{carried.radius} pixels" if carried.before == carried.after else directions
    if math.isnan(speed):
        return f"In one step {subject} {distance}; no digits were seen to move."
    verdict = "too little to follow them" if min(carried.before, carried.after) < speed else "enough to follow them"
    return f"The digits move {speed:.1f} pixels per step; in one step {subject} {distance}: {verdict}."


def _state_sentence(radius: int) -> str:
    if radius == 0:
        return "The state kernels are 1x1: information about earlier frames stays at its pixel."
    return f"The states carry information by {radius} pixel{'s' * (radius > 1)} per step."


def _gradient_sentence(next_frame: float, last_step: float) -> str:
    if math.isnan(next_frame) or math.isnan(last_step):
        return "Some predictions have no gradient to the last known frame: their units are dead or saturated."
    within = (
        f"within {next_frame:.0f} pixels of the predicted one, and within {last_step:.0f} at the last forecast step"
    )
    return f"{SHARE:.0%} of the gradient to the last known frame lies {within}."


def _chart(
    title: str, axis: str, at: Sequence[int], maps: Sequence[Map], kernels: Sequence[PixelReach], speed: float
) -> Chart:
    x = tuple(map(float, at))
    lines = [
        Line("farthest pixel with a gradient", x, tuple(map(_radius, maps))),
        Line(f"radius of {SHARE:.0%} of the gradient", x, tuple(mass_radius(gradient, SHARE) for gradient in maps)),
        Line("digits move", x, tuple(speed * steps for steps in at)),
    ]
    if kernels:
        lines.insert(0, Line("kernels reach", x, tuple(float(reach.radius) for reach in kernels)))
    return Chart(title, axis, "pixels", tuple(lines))


def _radius(gradient: Map) -> float:
    reach = support(gradient)
    return float(reach.radius) if reach else math.nan


def _picture(gradient: Map, apart: int) -> Image:
    """Draw the map around its center, in powers of ten below its strongest pixel."""
    center = len(gradient) // 2
    half = int(min(MAX_HALF_WIDTH, center, max(4, np.nan_to_num(_radius(gradient)))))
    window = gradient[center - half : center + half + 1, center - half : center + half + 1]
    floor = 10.0**-DECADES
    powers = np.log10(np.maximum(window / max(window.max(), np.finfo(float).tiny), floor))
    title = f"Gradient to the frame {apart} before the prediction, powers of ten"
    return Image(title, tuple(tuple(row) for row in powers.tolist()), -float(DECADES), 0.0)
