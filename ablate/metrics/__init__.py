"""Metrics. A new one is one file and one line in METRICS."""

from collections.abc import Mapping

from ablate.arrays import Frames, FrameScores, History
from ablate.metrics.ghost import Ghost
from ablate.metrics.metric import Measure, Metric
from ablate.metrics.pixel_error import PixelError
from ablate.metrics.psnr import PSNR
from ablate.metrics.ssim import SSIM
from ablate.metrics.trail import Trail

METRICS: tuple[Metric, ...] = (Ghost(), Trail(), PixelError(), PSNR(), SSIM())

MEASURES: Mapping[str, Measure] = {measure.name: measure for metric in METRICS for measure in metric.measures}
"""Every measure by name."""


def score(forecast: Frames, truth: Frames, history: History) -> dict[str, FrameScores]:
    """Return every measure of a forecast, one value per clip and step (see Metric.per_frame)."""
    scores: dict[str, FrameScores] = {}
    for metric in METRICS:
        scores |= metric.per_frame(forecast, truth, history)
    return scores


__all__ = ["MEASURES", "METRICS", "Measure", "Metric", "score"]
