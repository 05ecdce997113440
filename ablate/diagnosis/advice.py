"""What to do about a model's forecasts, from what was measured of them and nothing else."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ablate.findings import Finding, Number
from ablate.scoring.forecast_scores import ForecastSummary, StepCurve

GHOST = 0.05
"""A ghost ratio whose whole interval lies above this is a ghost."""
FADED = 0.5
"""Share of the digits' brightness below which they have faded."""
COPIED = {"previous_frame": "the frame before", "last_known_frame": "the last known frame"}

Numbers = Mapping[str, Number]


def advise(summary: ForecastSummary, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return advice, the most urgent first, each with the number it rests on; or that there is none to give."""
    asked = {finding.probe: finding.numbers for finding in findings}
    advice = (
        *_on_leak(asked.get("leak", {})),
        *_on_positions(asked.get("positions", {})),
        *_on_alignment(summary),
        *_on_reach(asked.get("receptive_field", {})),
        *_on_ghost(summary),
        *_on_brightness(summary),
    )
    return advice or (_nothing(summary, asked),)


def _on_leak(numbers: Numbers) -> Iterator[str]:
    ahead, move, company = (
        numbers.get(name) for name in ("looks_ahead", "largest_move", "largest_move_by_other_clips")
    )
    if isinstance(ahead, int) and ahead > 0:
        yield (
            f"Take the look ahead out: it sees {_counted(ahead, 'frame')} ahead (guesses move by up to {move:.2g}), "
            "and the last position, which forecasts, has none to see. Convolve in time over the past alone."
        )
    if numbers.get("depends_on_other_clips"):
        yield (
            f"Normalise with fixed statistics at inference: other clips of its batch move a guess by {company:.2g}, "
            "so it forecasts one clip otherwise than sixteen."
        )
    if "looks_ahead" in numbers and ahead is None:
        chance = numbers["largest_move_by_chance"]
        yield f"Switch off what is random at inference (dropout): the same frames give guesses {chance:.2g} apart."


def _on_positions(numbers: Numbers) -> Iterator[str]:
    low = numbers.get("difference_low")
    if _above(low, 0):
        yield (
            f"Judge it by its loss at the last position, {numbers['loss_at_end']:.4f}, where it forecasts: inside a "
            f"sequence, where it trains, it is {numbers['loss_inside']:.4f} for the same frames."
        )


def _on_alignment(summary: ForecastSummary) -> Iterator[str]:
    alignment = summary.alignment
    offset, errors = alignment.best_offset, alignment.mse_by_offset
    if offset:
        late = "late" if offset > 0 else "early"
        yield (
            f"Shift the forecast by {_counted(abs(offset), 'frame')}: it is shown {late}. The squared error of a frame "
            f"is {errors[offset]:.1f} beside the truth {_counted(abs(offset), 'frame')} "
            f"{'earlier' if offset > 0 else 'later'}, and {errors[0]:.1f} beside its own."
        )
    if alignment.copies:
        yield (
            f"It repeats {COPIED[alignment.copies]} and forecasts no motion (squared error of a frame "
            f"{errors[0]:.1f}): look first for what is shown, then for what it was trained to guess."
        )


def _on_reach(numbers: Numbers) -> Iterator[str]:
    ways = [numbers.get("carries_down_and_right"), numbers.get("carries_up_and_left")]
    speed, least = numbers.get("speed"), min((way for way in ways if isinstance(way, int)), default=None)
    if least is not None and _above(speed, least):
        yield (
            f"Widen its kernels, or add layers or downsampling: digits move {speed:.1f} pixels a step, and one step "
            f"carries {_counted(least, 'pixel')} in its weakest direction."
        )


def _on_ghost(summary: ForecastSummary) -> Iterator[str]:
    ratio, decay = summary.curves["ghost_ratio"], summary.trail.decay_steps
    if ratio.low > GHOST:
        fades = "does not fade" if decay is None else f"fades to 1/e in {decay:.1f} steps"
        yield (
            f"There is a ghost: digits leave {_with_interval(ratio)} of their brightness where they were, and it "
            f"{fades}. An ablation study tells which choice makes it: ablate run on a study of this model's choices."
        )


def _on_brightness(summary: ForecastSummary) -> Iterator[str]:
    kept, frames = summary.curves["signal_retention"], summary.clips * summary.steps
    if kept.high < FADED:
        yield (
            f"The digits fade: they keep {_with_interval(kept)} of their brightness, and in {summary.undefined} of "
            f"{frames} forecast frames too little to call anything a ghost. Train longer before judging its trail."
        )


def _nothing(summary: ForecastSummary, asked: Iterable[str]) -> str:
    ratio, kept = summary.curves["ghost_ratio"], summary.curves["signal_retention"]
    probes = ", ".join(name.replace("_", " ") for name in asked) or "none"
    return (
        f"Nothing that was measured calls for a change: ghost ratio {_with_interval(ratio)}, brightness kept "
        f"{_with_interval(kept)}, best time offset 0; probes asked: {probes}."
    )


def _with_interval(curve: StepCurve) -> str:
    return f"{curve.mean:.2f} [{curve.low:.2f}, {curve.high:.2f}]"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _above(value: Number, bound: float) -> bool:
    return isinstance(value, float | int) and not math.isnan(value) and value > bound
