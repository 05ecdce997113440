"""Advice about a model's forecasts, derived from the measured numbers alone."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ablate.measurement.scoring.curves import StepCurve, Trail
from ablate.measurement.scoring.sentences import FADED, GHOST
from ablate.measurement.scoring.summary import ForecastSummary
from ablate.storage.findings import Finding, Number

NOTABLE_EXCESS = 0.05  # share by which the loss at the last position exceeds that inside
COPIED = {"previous_frame": "the frame before", "last_known_frame": "the last known frame"}

Numbers = Mapping[str, Number]


def advise(summary: ForecastSummary, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return advice, the most urgent first, each with its evidence; or one sentence that none is needed."""
    numbers = {finding.probe: finding.numbers for finding in findings}
    misalignment = tuple(_alignment_advice(summary))
    advice = (
        *_leakage_advice(numbers.get("leak", {})),
        *_positions_advice(numbers.get("positions", {})),
        *(misalignment or _forecast_advice(summary, numbers.get("receptive_field", {}))),
    )
    return advice or (_no_advice(summary, numbers),)


def _forecast_advice(summary: ForecastSummary, reach: Numbers) -> tuple[str, ...]:
    return (*_lag_advice(summary), *_reach_advice(reach), *_ghost_advice(summary), *_brightness_advice(summary))


def _leakage_advice(numbers: Numbers) -> Iterator[str]:
    ahead, move, move_by_clips = (
        numbers.get(name) for name in ("looks_ahead", "largest_move", "largest_move_by_other_clips")
    )
    if isinstance(ahead, int) and ahead > 0:
        yield (
            f"Remove the look-ahead leakage: the model sees {_counted(ahead, 'frame')} ahead (predictions move by "
            f"up to {move:.2g}), but the last position, which forecasts, has no later frame. Convolve over "
            "past frames only."
        )
    if numbers.get("depends_on_other_clips"):
        yield (
            "Normalize with fixed statistics at inference: other clips of the batch move a prediction by "
            f"{move_by_clips:.2g}, so a forecast depends on the batch."
        )
    if "looks_ahead" in numbers and ahead is None:
        chance = numbers["largest_move_by_chance"]
        yield (
            f"Disable randomness (dropout) at inference: predictions from the same frames differ by up to {chance:.2g}."
        )


def _positions_advice(numbers: Numbers) -> Iterator[str]:
    inside, at_end = numbers.get("loss_inside"), numbers.get("loss_at_end")
    if (
        isinstance(inside, float)
        and _above(numbers["difference_low"], 0.0)
        and _above(at_end, (1 + NOTABLE_EXCESS) * inside)
    ):
        yield (
            f"Judge the model by its loss at the last position, {at_end:.4f}, where it forecasts. For the same frames "
            f"inside a sequence, where it trains, the loss is {inside:.4f}."
        )


def _alignment_advice(summary: ForecastSummary) -> Iterator[str]:
    """Advise on a forecast compared with the wrong frames: its ghost and brightness are then meaningless."""
    offset, errors = summary.alignment.best_offset, summary.alignment.mse_by_offset
    if copied := summary.alignment.copies:
        yield (
            f"The forecast repeats {COPIED[copied]} and contains no motion (squared error per frame {errors[0]:.1f}): "
            "check which frames you compare, then what the model is trained to predict."
        )
    elif summary.alignment.misplaced:
        yield (
            f"Shift the forecast by {_counted(abs(offset), 'frame')}: it is compared {_direction(offset)[0]}. "
            f"{_error_sentence(summary)} Then diagnose the model again."
        )


def _lag_advice(summary: ForecastSummary) -> Iterator[str]:
    if offset := summary.alignment.best_offset:
        yield (
            f"Compare the forecast with the target step by step: it runs {_direction(offset)[0]} by about "
            f"{_counted(abs(offset), 'frame')}, and a shift alone does not correct it. {_error_sentence(summary)}"
        )


def _direction(offset: int) -> tuple[str, str]:
    return ("late", "earlier") if offset > 0 else ("early", "later")


def _error_sentence(summary: ForecastSummary) -> str:
    offset, errors = summary.alignment.best_offset, summary.alignment.mse_by_offset
    shift = f"{_counted(abs(offset), 'frame')} {_direction(offset)[1]}"
    return f"The squared error per frame is {errors[offset]:.1f} against the target {shift}, {errors[0]:.1f} unshifted."


def _reach_advice(numbers: Numbers) -> Iterator[str]:
    reaches = [numbers.get("carries_down_and_right"), numbers.get("carries_up_and_left")]
    speed, least = numbers.get("speed"), min((reach for reach in reaches if isinstance(reach, int)), default=None)
    if least is not None and _above(speed, float(least)):
        yield (
            f"Widen the receptive field (larger kernels, more layers, coarser frames): digits move {speed:.1f} pixels "
            f"per step, and one step reaches {_counted(least, 'pixel')} in its weakest direction."
        )


def _ghost_advice(summary: ForecastSummary) -> Iterator[str]:
    ratio = summary.curves["ghost_ratio"]
    if ratio.is_measurable and ratio.low > GHOST:
        yield (
            f"There is a ghost: digits leave {_with_interval(ratio)} of their brightness where they were"
            f"{_fading(summary.trail)}. Find its cause by an ablation study of this model's factors: ablate run "
            "STUDY.yaml."
        )


def _fading(trail: Trail) -> str:
    if trail.decay_steps is not None:
        return f", and it fades to 1/e in {trail.decay_steps:.1f} steps"
    return ", and it does not fade" if trail.lasts else ""


def _brightness_advice(summary: ForecastSummary) -> Iterator[str]:
    retention, frames = summary.curves["signal_retention"], summary.clips * summary.steps
    if retention.high < FADED:
        yield (
            f"The digits fade: they keep {_with_interval(retention)} of their brightness, and in "
            f"{summary.undefined} of {frames} forecast frames too little to measure a ghost. Train longer before "
            "you judge the trail."
        )
    elif summary.undefined > frames / 2:
        yield (
            f"Look at the frames first: in {summary.undefined} of {frames} forecast frames the digits or their past do "
            "not stand out enough to measure a ghost."
        )


def _no_advice(summary: ForecastSummary, probes: Iterable[str]) -> str:
    ratio, retention = summary.curves["ghost_ratio"], summary.curves["signal_retention"]
    names = ", ".join(name.replace("_", " ") for name in probes) or "none"
    return (
        f"No measurement calls for a change: ghost ratio {_with_interval(ratio)}, signal retention "
        f"{_with_interval(retention)}, best time offset 0; probes applied: {names}."
    )


def _with_interval(curve: StepCurve) -> str:
    return f"{curve.mean:.2f} [{curve.low:.2f}, {curve.high:.2f}]"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _above(value: Number, bound: float) -> bool:
    return isinstance(value, float | int) and not math.isnan(value) and value > bound
