"""Metrics. A new one is one file and one line in the list here. Loads no torch."""

from ablate.core.arrays import Frames, FrameScores, History
from ablate.measurement.metrics.ghost import Ghost
from ablate.measurement.metrics.metric import Measure, Metric
from ablate.measurement.metrics.pixel_error import PixelError
from ablate.measurement.metrics.psnr import PSNR
from ablate.measurement.metrics.ssim import SSIM

METRICS: tuple[Metric, ...] = (Ghost(), PixelError(), PSNR(), SSIM())
MEASURES = {measure.name: measure for metric in METRICS for measure in metric.measures}
COMPANIONS = ("ghost_ratio", "signal_retention", "mse", "ssim")
"""Measures that stand beside any response: a ghost ratio alone cannot tell a clean forecast from a faded one."""


def score(forecast: Frames, truth: Frames, history: History) -> dict[str, FrameScores]:
    """Return every measure of every metric by name, one number per clip and forecast step."""
    return {name: values for metric in METRICS for name, values in metric.per_frame(forecast, truth, history).items()}


__all__ = ["COMPANIONS", "MEASURES", "METRICS", "PSNR", "SSIM", "Ghost", "Measure", "Metric", "PixelError", "score"]
