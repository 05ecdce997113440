"""What an intervention changed in the forecast, clip by clip, and how that is said."""

import math
import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from ablate.core.arrays import Frames, FrameScores
from ablate.diagnosis.probes.probe import Subject
from ablate.measurement.scoring.curves import mean_interval
from ablate.storage.findings import MetricChange

MEASURED = ("ghost_ratio", "signal_retention", "mse", "ssim")
"""A ghost may go because the whole forecast went: so brightness and error stand beside it."""
LOST_ERROR, LOST_BRIGHTNESS = 1.25, 0.75
"""A forecast is another one where its error grew to this multiple, or its brightness fell to this share."""
SMALL = 0.01
"""Change of a ghost ratio that is not worth a word."""
LEFT_OUT = " Frames without a ghost ratio before or after are left out."
ALL = 0.95
"""Share of the frames from which a change speaks for all of them."""
MOST = 0.5
"""Share of the clips that must have a ghost ratio both ways for its change to speak for them."""


def change_of(subject: Subject, condition: str, forecast: Frames) -> tuple[MetricChange, ...]:
    """Return the change of every measure from the untouched roll-out to this forecast of the same clips."""
    after = subject.scored(forecast)
    return tuple(paired(condition, name, subject.baseline[name], after[name]) for name in MEASURED)


def paired(condition: str, metric: str, before: FrameScores, after: FrameScores) -> MetricChange:
    """Return the mean change over clips. Frames that are undefined either way are left out, and clips without any."""
    both = np.where(np.isnan(before) | np.isnan(after), np.nan, 0.0)
    first, second = by_clip(before + both), by_clip(after + both)
    difference, low, high = (float(value) for value in mean_interval(second - first))
    counted = int(np.count_nonzero(~np.isnan(first)))
    start, end = (float(np.nanmean(side)) if counted else math.nan for side in (first, second))
    return MetricChange(condition, metric, start, end, difference, low, high, counted, float((both == 0).mean()))


def by_clip(values: FrameScores) -> np.ndarray:
    """Return the mean over the defined frames of each clip; NaN where there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a clip without a defined frame is undefined
        means: np.ndarray = np.nanmean(values, axis=1)
    return means


def said(changes: Sequence[MetricChange], clips: int) -> tuple[str, ...]:
    """Return a sentence for each condition: what became of the ghost, and whether the forecast is still one.

    Those that tell something of the ghost come first, in the order in which they were tried. `clips` is the number
    that was tried on. A change is named where its interval leaves out 0.
    """
    conditions = [
        {change.metric: change for change in changes if change.condition == condition}
        for condition in dict.fromkeys(change.condition for change in changes)
    ]
    conditions.sort(key=lambda found: (_lost(found), not _moved(found["ghost_ratio"])))
    return tuple(_sentence(found, clips) for found in conditions)


def _sentence(found: Mapping[str, MetricChange], clips: int) -> str:
    ghost, signal, error = found["ghost_ratio"], found["signal_retention"], found["mse"]
    if _same(found):
        return f"With {ghost.condition}, the forecast stays exactly as it was."
    if not _lost(found):
        return f"With {ghost.condition}, {_of_the_ghost(ghost, clips)}."
    return (
        f"With {ghost.condition}, it is another forecast (squared error {error.before:.1f} to {error.after:.1f}, "
        f"brightness of the digits {signal.before:.2f} to {signal.after:.2f}), which says little of the ghost: "
        f"{_of_the_ghost(ghost, clips)}."
    )


def _of_the_ghost(change: MetricChange, clips: int) -> str:
    if change.clips < max(2, MOST * clips):
        return f"too few clips have a ghost ratio to compare ({change.clips} of {clips})"
    of = f" and {100 * change.share:.0f} % of the frames" if change.share < ALL else ""
    spread = f"by {change.difference:+.3f} [{change.low:+.3f}, {change.high:+.3f}] over {change.clips} clips{of}"
    if max(abs(change.low), abs(change.high)) < SMALL:
        return f"the ghost ratio stays at {change.after:.3f}, within {SMALL:g}"
    if not _moved(change):
        return f"the ghost ratio does not change as far as these clips can tell: {spread}"
    way = "rises" if change.difference > 0 else "falls"
    return f"the ghost ratio {way} from {change.before:.3f} to {change.after:.3f}, {spread}"


def _moved(change: MetricChange) -> bool:
    return change.low > 0 or change.high < 0


def _same(found: Mapping[str, MetricChange]) -> bool:
    """Tell whether no clip's error or likeness moved at all, for which a defined ghost ratio is not needed."""
    return all(found[metric].low == found[metric].high == 0 for metric in ("mse", "ssim"))


def _lost(found: Mapping[str, MetricChange]) -> bool:
    signal, error = found["signal_retention"], found["mse"]
    return error.after > LOST_ERROR * error.before or signal.after < LOST_BRIGHTNESS * signal.before
