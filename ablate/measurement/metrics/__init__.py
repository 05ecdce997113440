"""Metrics of a forecast. A new one is a file in this folder and a line in METRIC_GROUPS. Loads no torch."""

from ablate.core.arrays import Frames, FrameScores, History
from ablate.measurement.metrics.ghost import Ghost
from ablate.measurement.metrics.metric import Metric, MetricGroup
from ablate.measurement.metrics.pixel_error import PixelError
from ablate.measurement.metrics.psnr import PSNR
from ablate.measurement.metrics.ssim import SSIM

METRIC_GROUPS: tuple[MetricGroup, ...] = (Ghost(), PixelError(), PSNR(), SSIM())
METRICS = {metric.name: metric for group in METRIC_GROUPS for metric in group.metrics}
SECONDARY = ("ghost_ratio", "signal_retention", "mse", "ssim")
"""Secondary metrics of every study: a small ghost ratio alone may be a clean forecast or a faded one."""


def score(forecast: Frames, target: Frames, history: History) -> dict[str, FrameScores]:
    """Return the values of every metric by its name, one number per clip and forecast step."""
    return {
        name: values for group in METRIC_GROUPS for name, values in group.per_frame(forecast, target, history).items()
    }


__all__ = [
    "METRICS",
    "METRIC_GROUPS",
    "PSNR",
    "SECONDARY",
    "SSIM",
    "Ghost",
    "Metric",
    "MetricGroup",
    "PixelError",
    "score",
]
