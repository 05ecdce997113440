"""What an intervention changed in the forecast, clip by clip, and the sentences about it."""

import math
import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from ablate.core.arrays import Frames, FrameScores
from ablate.diagnosis.probes.probe import Subject
from ablate.measurement.scoring.curves import mean_interval
from ablate.storage.findings import MetricChange

# The ghost may vanish because the whole forecast collapsed, so brightness and error are compared as well.
COMPARED = ("ghost_ratio", "signal_retention", "mse", "ssim")
COLLAPSED_ERROR, COLLAPSED_BRIGHTNESS = 1.25, 0.75
"""A forecast has collapsed if its error grew beyond this multiple, or its brightness fell below this share."""
NEGLIGIBLE = 0.01  # a change of a ghost ratio that nobody sees
EXCLUDED_FRAMES = " Frames without a ghost ratio before or after are excluded."
NEARLY_ALL = 0.95  # share of the frames from which a sentence need not mention the share
MIN_CLIP_SHARE = 0.5
"""Share of the clips that need a ghost ratio before and after, so that their change speaks for all clips."""


def changes_from_baseline(subject: Subject, condition: str, forecast: Frames) -> tuple[MetricChange, ...]:
    """Return the change of every compared metric from the unchanged rollout to this forecast of the same clips."""
    after = subject.scores(forecast)
    return tuple(paired_change(condition, name, subject.baseline[name], after[name]) for name in COMPARED)


def paired_change(condition: str, metric: str, before: FrameScores, after: FrameScores) -> MetricChange:
    """Return the mean change over clips. Frames undefined before or after are excluded, and clips without any frame."""
    defined_twice = np.where(np.isnan(before) | np.isnan(after), np.nan, 0.0)
    first, second = clip_means(before + defined_twice), clip_means(after + defined_twice)
    difference, low, high = (float(value) for value in mean_interval(second - first))
    clips = int(np.count_nonzero(~np.isnan(first)))
    start, end = (float(np.nanmean(means)) if clips else math.nan for means in (first, second))
    return MetricChange(condition, metric, start, end, difference, low, high, clips, float((defined_twice == 0).mean()))


def clip_means(scores: FrameScores) -> np.ndarray:
    """Return the mean over the defined frames of each clip; NaN where there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a clip without a defined frame is undefined
        means: np.ndarray = np.nanmean(scores, axis=1)
    return means


def change_sentences(changes: Sequence[MetricChange], clips: int) -> tuple[str, ...]:
    """Return a sentence for each condition: how the ghost changed, and whether the forecast collapsed.

    Conditions that changed the ghost come first, collapsed forecasts last, otherwise in the order of `changes`.
    `clips` is the number of clips of the probe. A change counts where its confidence interval excludes 0.
    """
    conditions = [
        {change.metric: change for change in changes if change.condition == condition}
        for condition in dict.fromkeys(change.condition for change in changes)
    ]
    conditions.sort(key=lambda by_metric: (_collapsed(by_metric), not _excludes_zero(by_metric["ghost_ratio"])))
    return tuple(_sentence(by_metric, clips) for by_metric in conditions)


def _sentence(by_metric: Mapping[str, MetricChange], clips: int) -> str:
    ghost, signal, error = by_metric["ghost_ratio"], by_metric["signal_retention"], by_metric["mse"]
    if _is_identical(by_metric):
        return f"With {ghost.condition}, the forecast stays exactly the same."
    if not _collapsed(by_metric):
        return f"With {ghost.condition}, {_ghost_change(ghost, clips)}."
    return (
        f"With {ghost.condition}, the forecast collapses (squared error {error.before:.1f} to {error.after:.1f}, "
        f"brightness of the digits {signal.before:.2f} to {signal.after:.2f}), so its ghost is no evidence: "
        f"{_ghost_change(ghost, clips)}."
    )


def _ghost_change(change: MetricChange, clips: int) -> str:
    if change.clips < max(2, MIN_CLIP_SHARE * clips):
        return f"too few clips have a ghost ratio to compare ({change.clips} of {clips})"
    frames = f" and {100 * change.share:.0f} % of the frames" if change.share < NEARLY_ALL else ""
    interval = f"{change.difference:+.3f} [{change.low:+.3f}, {change.high:+.3f}], n = {change.clips} clips{frames}"
    if max(abs(change.low), abs(change.high)) < NEGLIGIBLE:
        return f"the ghost ratio stays at {change.after:.3f}, within {NEGLIGIBLE:g}"
    if not _excludes_zero(change):
        return f"these clips show no change of the ghost ratio: {interval}"
    verb = "rises" if change.difference > 0 else "falls"
    return f"the ghost ratio {verb} from {change.before:.3f} to {change.after:.3f}: {interval}"


def _excludes_zero(change: MetricChange) -> bool:
    return change.low > 0 or change.high < 0


def _is_identical(by_metric: Mapping[str, MetricChange]) -> bool:
    """Return whether no clip's error or similarity moved at all; this needs no defined ghost ratio."""
    return all(by_metric[metric].low == by_metric[metric].high == 0 for metric in ("mse", "ssim"))


def _collapsed(by_metric: Mapping[str, MetricChange]) -> bool:
    signal, error = by_metric["signal_retention"], by_metric["mse"]
    return error.after > COLLAPSED_ERROR * error.before or signal.after < COLLAPSED_BRIGHTNESS * signal.before
