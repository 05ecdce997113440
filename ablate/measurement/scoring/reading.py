"""What the scores of a forecast say, in words."""

import math
from collections.abc import Iterator, Mapping

from ablate.measurement.scoring.forecast_scores import Alignment, StepCurve, Trail

GHOST = 0.05
"""Ghost ratio from which a ghost is worth a word: a twentieth of the digits' own brightness."""
FADED = 0.5
"""Share of their brightness below which digits have faded."""
OFTEN, FEW = 0.05, 8
COPIED = {
    "previous_frame": "It repeats the true frame of the step before. Either it copies its input and forecasts nothing, "
    "or the panels are one frame apart.",
    "last_known_frame": "It repeats the last frame that it was given, at every step: a copy, and no forecast.",
}


def reading(
    clips: int, undefined: int, curves: Mapping[str, StepCurve], trail: Trail, alignment: Alignment
) -> tuple[str, ...]:
    """Return sentences, the most important first, each drawn from these numbers alone.

    Two errors of display are named before anything is called a ghost: panels of different times, and an input that
    is shown again. Digits in the wrong place are then called neither a ghost nor faded.
    """
    steps = len(curves["ghost_ratio"].per_step)
    displaced = alignment.misplaced or alignment.copies is not None
    return (
        *([COPIED[alignment.copies]] if alignment.copies else _in_time(alignment)),
        *_ghost(curves["ghost_ratio"], trail, displaced=displaced),
        *(() if displaced else _faded(curves["signal_retention"])),
        *_weakness(clips, undefined, clips * steps),
    )


def _in_time(alignment: Alignment) -> Iterator[str]:
    offset, errors = alignment.best_offset, alignment.mse_by_offset
    if not offset:
        return
    frames = f"{abs(offset)} frame{'s' * (abs(offset) > 1)}"
    when, late = ("earlier", "late") if offset > 0 else ("later", "early")
    fits = (
        f"The forecast fits the true frame {frames} {when} better than its own (squared error {errors[offset]:.1f} "
        f"against {errors[0]:.1f})"
    )
    if alignment.misplaced:
        yield f"{fits}: it is shown {frames} {late}. Shift the panels before you judge it."
    else:
        yield f"{fits}, yet neither well: it runs about {frames} {late}, and a shift would not mend it."


def _ghost(ratio: StepCurve, trail: Trail, *, displaced: bool) -> Iterator[str]:
    if math.isnan(ratio.mean):
        yield "Whether there is a ghost is undefined: no forecast frame has both digits and a past to compare."
        return
    amount = f"ghost ratio {ratio.mean:.3f}{_interval(ratio)}"
    if displaced:
        yield f"The {amount} comes from digits in the wrong place, and is not to be taken for a ghost."
    elif ratio.low > GHOST or (math.isnan(ratio.low) and ratio.mean > GHOST):
        left = f"digits leave {100 * ratio.mean:.0f} % of their brightness behind"
        yield f"There is a ghost: {left} ({amount}){_over(ratio)}."
        yield from _fading(trail)
    elif ratio.high < GHOST:
        yield f"There is no ghost worth the name: {amount}, below {GHOST:g}."
    else:
        yield f"Whether there is a ghost of {GHOST:g} or more is not settled: {amount}."


def _over(ratio: StepCurve) -> str:
    defined = [(step, value) for step, value in enumerate(ratio.per_step, start=1) if not math.isnan(value)]
    if len(defined) < 2:  # noqa: PLR2004  # a change has two ends
        return ""
    (first, before), (last, after) = defined[0], defined[-1]
    return f", {before:.2f} at step {first} and {after:.2f} at step {last}"


def _fading(trail: Trail) -> Iterator[str]:
    if trail.decay_steps is not None:
        yield f"Its trail fades to 1/e in {trail.decay_steps:.1f} steps."
    elif trail.lasts:
        yield f"Its trail does not fade within {trail.lag[-1]} steps."


def _faded(signal: StepCurve) -> Iterator[str]:
    if signal.mean < FADED:
        yield (
            f"The digits keep {100 * signal.mean:.0f} % of their brightness: a faded forecast has little ghost to "
            "show, and that is no merit."
        )


def _weakness(clips: int, undefined: int, frames: int) -> Iterator[str]:
    if undefined > OFTEN * frames:
        yield f"The ghost ratio is undefined in {undefined} of {frames} forecast frames; means are over the rest."
    if clips < FEW:
        yield f"{clips} clip{'s' * (clips > 1)}: too few to speak for others."


def _interval(curve: StepCurve) -> str:
    return "" if math.isnan(curve.low) else f" [{curve.low:.3f}, {curve.high:.3f}]"
