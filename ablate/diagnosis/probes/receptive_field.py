"""Whether a net can carry anything as far as the digits move."""

import math
from collections.abc import Sequence
from typing import ClassVar, final

import numpy as np

from ablate.diagnosis.probes.digit_speed import digit_speed
from ablate.diagnosis.probes.gradient_reach import (
    Map,
    differentiable,
    mass_radius,
    one_step_maps,
    rollout_maps,
    support,
)
from ablate.diagnosis.probes.kernel_reach import KernelReach, Reach, kernel_reach
from ablate.diagnosis.probes.probe import Probe, Subject
from ablate.storage.findings import Chart, Finding, Image, Line, Number

CLIPS = 4
SHARE = 0.9
"""Of the absolute gradient, that the stated radius holds."""
PICTURED = (1, 2, 3)
"""Frames before the guessed one whose gradient is drawn."""
WIDEST = 16
"""Pixels around the center that a picture shows at most."""
DECADES = 4
"""A picture's range: black is this many powers of ten below its strongest pixel."""


@final
class ReceptiveField(Probe):
    """Sets the pixels that kernels reach, and those with a gradient, beside the pixels that digits move.

    The gradient is that of one output pixel a clip, in real clips. It tells what these weights use;
    the kernels tell what no training can exceed.
    """

    name: ClassVar[str] = "receptive_field"

    def applies_to(self, subject: Subject) -> bool:
        """See Probe: the guess must depend on the frames by way of a gradient."""
        return differentiable(subject.model, subject.clips[:, : subject.context])

    def ask(self, subject: Subject) -> Finding:
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
            title="Can it carry the digits as far as they move?",
            intervention="The gradient of one predicted pixel was traced back to the pixels of every earlier frame.",
            sentences=_sentences(kernels, carried, maps[0], ahead[-1], speed),
            numbers=numbers,
            charts=(
                _chart("Reach of the guess of the next frame", "frames before it", back, maps, seen, speed),
                _chart("Reach of a forecast step to the last known frame", "step", steps, ahead, fed_back, speed),
            ),
            images=tuple(_picture(maps[apart - 1], apart) for apart in PICTURED if apart <= len(maps)),
        )


def _sentences(
    kernels: KernelReach | None, carried: Reach | None, nearest: Map, last: Map, speed: float
) -> tuple[str, ...]:
    if carried is None:
        return ("No pixel of the last known frame moves the guess of the next: the gradient is zero everywhere.",)
    return (
        _of_speed("its kernels can carry" if kernels else "it is seen to carry", carried, speed),
        *([_of_states(kernels.by_states)] if kernels else []),
        _of_gradient(mass_radius(nearest, SHARE), mass_radius(last, SHARE)),
    )


def _of_speed(how: str, carried: Reach, speed: float) -> str:
    ways = f"{carried.before} pixels down or right and {carried.after} up or left"
    far = f"{carried.radius} pixels" if carried.before == carried.after else ways
    if math.isnan(speed):
        return f"In one step {how} {far}; no digits were seen to move."
    verdict = "too little to follow them" if min(carried.before, carried.after) < speed else "enough to follow them"
    return f"The digits move {speed:.1f} pixels a step; in one step {how} {far}: {verdict}."


def _of_states(radius: int) -> str:
    if radius == 0:
        return "Its state kernels are 1x1: what it remembers of earlier frames stays where it was."
    return f"Its states carry what they remember by {radius} pixel{'s' * (radius > 1)} a step."


def _of_gradient(next_frame: float, last_step: float) -> str:
    if math.isnan(next_frame) or math.isnan(last_step):
        return "Some guesses have no gradient at all to the last known frame: what they rest on is dead or saturated."
    within = f"within {next_frame:.0f} pixels of the guessed one, and within {last_step:.0f} at the last forecast step"
    return f"{SHARE:.0%} of the gradient to the last known frame lies {within}."


def _chart(
    title: str, axis: str, at: Sequence[int], maps: Sequence[Map], kernels: Sequence[Reach], speed: float
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
    found = support(gradient)
    return float(found.radius) if found else math.nan


def _picture(gradient: Map, apart: int) -> Image:
    """Draw the map around its center, in powers of ten below its strongest pixel."""
    center = len(gradient) // 2
    half = int(min(WIDEST, center, max(4, np.nan_to_num(_radius(gradient)))))
    shown = gradient[center - half : center + half + 1, center - half : center + half + 1]
    floor = 10.0**-DECADES
    powers = np.log10(np.maximum(shown / max(shown.max(), np.finfo(float).tiny), floor))
    title = f"Gradient to the frame {apart} before the guess, powers of ten"
    return Image(title, tuple(tuple(row) for row in powers.tolist()), -float(DECADES), 0.0)
