"""What the scores of a forecast mean, in sentences."""

import math
from collections.abc import Iterator, Mapping

from ablate.measurement.scoring.alignment import Alignment
from ablate.measurement.scoring.curves import CONFIDENCE, StepCurve, Trail

GHOST = 0.05
"""Ghost ratio from which a ghost is reported: a twentieth of the digits' brightness."""
FADED = 0.5
"""Share of their target brightness below which digits have faded."""
FEW_CLIPS = 8  # below, a confidence interval over clips is too wide to conclude from
COPIED = {
    "previous_frame": "The forecast repeats the true frame of the step before. Either it copies its input, or the "
    "panels are one frame apart.",
    "last_known_frame": "The forecast repeats the last frame of its input at every step. It forecasts no movement.",
}


def sentences(
    clips: int, undefined: int, curves: Mapping[str, StepCurve], trail: Trail, alignment: Alignment
) -> tuple[str, ...]:
    """Return conclusions from these numbers alone, the most important first.

    Two display errors are named before anything is called a ghost: panels of different times, and an input that is
    shown again. In both cases digits in the wrong place are called neither a ghost nor faded.
    """
    steps = len(curves["ghost_ratio"].per_step)
    displaced = alignment.misplaced or alignment.copies is not None
    return (
        *([COPIED[alignment.copies]] if alignment.copies else _offset(alignment)),
        *_ghost(curves["ghost_ratio"], trail, displaced=displaced),
        *(() if displaced else _faded(curves["signal_retention"])),
        *_caveats(clips, undefined, clips * steps),
    )


def _offset(alignment: Alignment) -> Iterator[str]:
    offset, errors = alignment.best_offset, alignment.mse_by_offset
    if not offset:
        return
    frames = f"{abs(offset)} frame{'s' * (abs(offset) > 1)}"
    direction, shift = ("earlier", "late") if offset > 0 else ("later", "early")
    yield (
        f"The forecast fits the target {frames} {direction} better than the target of its own step: squared error "
        f"{errors[offset]:.1f} instead of {errors[0]:.1f}."
    )
    if alignment.misplaced:
        yield f"The forecast is shown {frames} {shift}. Shift the panels before you judge it."
    else:
        yield f"It fits neither well: the forecast itself is about {frames} {shift}. Shifting the panels does not help."


def _ghost(ratio: StepCurve, trail: Trail, *, displaced: bool) -> Iterator[str]:
    if math.isnan(ratio.mean):
        yield "The ghost ratio is undefined: no forecast frame has both digits and earlier positions to compare."
        return
    if not ratio.is_measurable:
        yield (
            f"The ghost ratio cannot be measured: only {_percent(ratio.defined_share)} of the forecast frames define "
            "it. In the others the digits do not stand out, or there is no earlier position to compare."
        )
        return
    amount = f"ghost ratio {ratio.mean:.3f}{_interval(ratio)}"
    if displaced:
        yield f"Do not read the {amount} as a ghost: the digits are in the wrong place."
    elif ratio.low > GHOST or (math.isnan(ratio.low) and ratio.mean > GHOST):
        yield f"There is a ghost: {amount}{_first_and_last(ratio)}."
        yield (
            f"Pixels that a digit has left keep {100 * ratio.mean:.0f} % of the brightness that the digits have "
            "(0 % is no ghost)."
        )
        yield from _fading(trail)
    elif ratio.high < GHOST:
        yield f"There is no relevant ghost: {amount} is below {GHOST:g}."
    else:
        yield f"These clips do not show whether the ghost ratio exceeds {GHOST:g}: {amount}."


def _first_and_last(ratio: StepCurve) -> str:
    defined = [(step, value) for step, value in enumerate(ratio.per_step, start=1) if not math.isnan(value)]
    if len(defined) < 2:  # noqa: PLR2004  # a change has two ends
        return ""
    (first_step, first), (last_step, last) = defined[0], defined[-1]
    return f"; {first:.2f} at step {first_step}, {last:.2f} at step {last_step}"


def _fading(trail: Trail) -> Iterator[str]:
    if trail.decay_steps is not None:
        yield f"The ghost's trail fades to 1/e in {trail.decay_steps:.1f} steps."
    elif trail.lasts:
        yield f"The ghost's trail does not fade within {trail.lag[-1]} steps."


def _faded(signal: StepCurve) -> Iterator[str]:
    if signal.mean < FADED:
        yield (
            f"The digits keep {100 * signal.mean:.0f} % of their target brightness. A faded forecast can show little "
            "ghost, so a low ghost ratio is no merit here."
        )


def _caveats(clips: int, undefined: int, frames: int) -> Iterator[str]:
    if 0 < undefined < frames:
        yield (
            f"The ghost ratio is undefined in {undefined:,} of {frames:,} forecast frames. Its means are over the "
            "frames that happen to be defined."
        )
    if clips < FEW_CLIPS:
        yield f"Only {clips} clip{'s' * (clips > 1)}: too few to generalize to other clips."


def _percent(share: float) -> str:
    """Return a share of 1 in percent, to a tenth where it is below 10 %."""
    return f"{100 * share:.2g} %"


def _interval(curve: StepCurve) -> str:
    if math.isnan(curve.low):
        return ""
    return f" ({100 * CONFIDENCE:g} % confidence interval [{curve.low:.3f}, {curve.high:.3f}])"
