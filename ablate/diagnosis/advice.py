"""What to do about a model's forecasts, from what was measured of them and nothing else."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ablate.measurement.scoring.curves import StepCurve, Trail
from ablate.measurement.scoring.sentences import FADED, GHOST
from ablate.measurement.scoring.summary import ForecastSummary
from ablate.storage.findings import Finding, Number

WORSE = 0.05
"""Share by which the loss at the last position must exceed that inside to be worth a word."""
COPIED = {"previous_frame": "the frame before", "last_known_frame": "the last known frame"}

Numbers = Mapping[str, Number]


def advise(summary: ForecastSummary, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return advice, the most urgent first, each with the number it rests on; or that there is none to give."""
    asked = {finding.probe: finding.numbers for finding in findings}
    misplaced = tuple(_on_alignment(summary))
    advice = (
        *_on_leak(asked.get("leak", {})),
        *_on_positions(asked.get("positions", {})),
        *(misplaced or _on_forecast(summary, asked.get("receptive_field", {}))),
    )
    return advice or (_nothing(summary, asked),)


def _on_forecast(summary: ForecastSummary, reach: Numbers) -> tuple[str, ...]:
    return (*_on_lag(summary), *_on_reach(reach), *_on_ghost(summary), *_on_brightness(summary))


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
            f"Normalize with fixed statistics at inference: other clips of its batch move a guess by {company:.2g}, "
            "so it forecasts one clip otherwise than sixteen."
        )
    if "looks_ahead" in numbers and ahead is None:
        chance = numbers["largest_move_by_chance"]
        yield f"Switch off what is random at inference (dropout): the same frames give guesses {chance:.2g} apart."


def _on_positions(numbers: Numbers) -> Iterator[str]:
    inside, at_end = numbers.get("loss_inside"), numbers.get("loss_at_end")
    if isinstance(inside, float) and _above(numbers["difference_low"], 0) and _above(at_end, (1 + WORSE) * inside):
        yield (
            f"Judge it by its loss at the last position, {at_end:.4f}, where it forecasts: inside a sequence, where it "
            f"trains, it is {inside:.4f} for the same frames."
        )


def _on_alignment(summary: ForecastSummary) -> Iterator[str]:
    """Say where the forecast is not what it is shown as: then its ghost and brightness speak of other frames."""
    offset, errors = summary.alignment.best_offset, summary.alignment.mse_by_offset
    if copied := summary.alignment.copies:
        yield (
            f"It repeats {COPIED[copied]} and forecasts no motion (squared error of a frame {errors[0]:.1f}): look "
            "first at which frames are shown, then at what it was trained to guess."
        )
    elif summary.alignment.misplaced:
        yield (
            f"Shift the forecast by {_counted(abs(offset), 'frame')}: it is shown {_when(offset)[0]}. "
            f"{_errors_of(summary)}. Then diagnose it again."
        )


def _on_lag(summary: ForecastSummary) -> Iterator[str]:
    if offset := summary.alignment.best_offset:
        yield (
            f"Compare it step by step with the truth: it runs {_when(offset)[0]} by about "
            f"{_counted(abs(offset), 'frame')}, and a shift would not mend it. {_errors_of(summary)}."
        )


def _when(offset: int) -> tuple[str, str]:
    return ("late", "earlier") if offset > 0 else ("early", "later")


def _errors_of(summary: ForecastSummary) -> str:
    offset, errors = summary.alignment.best_offset, summary.alignment.mse_by_offset
    by = _counted(abs(offset), "frame")
    beside = f"beside the truth {by} {_when(offset)[1]}, and {errors[0]:.1f} beside its own"
    return f"The squared error of a frame is {errors[offset]:.1f} {beside}"


def _on_reach(numbers: Numbers) -> Iterator[str]:
    ways = [numbers.get("carries_down_and_right"), numbers.get("carries_up_and_left")]
    speed, least = numbers.get("speed"), min((way for way in ways if isinstance(way, int)), default=None)
    if least is not None and _above(speed, least):
        yield (
            f"Let it reach farther (larger kernels, more layers, coarser frames): digits move {speed:.1f} pixels a "
            f"step, and one step carries {_counted(least, 'pixel')} in its weakest direction."
        )


def _on_ghost(summary: ForecastSummary) -> Iterator[str]:
    ratio = summary.curves["ghost_ratio"]
    if ratio.low > GHOST:
        yield (
            f"There is a ghost: digits leave {_with_interval(ratio)} of their brightness where they were"
            f"{_fading(summary.trail)}. An ablation study tells which choice makes it: ablate run on a study of this "
            "model's choices."
        )


def _fading(trail: Trail) -> str:
    if trail.decay_steps is not None:
        return f", and it fades to 1/e in {trail.decay_steps:.1f} steps"
    return ", and it does not fade" if trail.lasts else ""


def _on_brightness(summary: ForecastSummary) -> Iterator[str]:
    kept, frames = summary.curves["signal_retention"], summary.clips * summary.steps
    if kept.high < FADED:
        yield (
            f"The digits fade: they keep {_with_interval(kept)} of their brightness, and in {summary.undefined} of "
            f"{frames} forecast frames too little to call anything a ghost. Train longer before judging its trail."
        )
    elif summary.undefined > frames / 2:
        yield (
            f"Look at the frames first: in {summary.undefined} of {frames} forecast frames digits, or their past, "
            "do not stand out enough to measure a ghost."
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
