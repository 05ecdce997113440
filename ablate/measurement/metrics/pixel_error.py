"""Errors between the pixels of two frames, in both conventions."""

import math
from collections.abc import Mapping
from typing import final

import numpy as np

from ablate.core.arrays import Frames, FrameScores, History
from ablate.measurement.metrics.metric import Metric, MetricGroup

PIXELS = (-2, -1)  # height and width


@final
class PixelError(MetricGroup):
    """Squared and absolute error, summed over a frame (OpenSTL's convention, no clipping) and per pixel.

    The sums grow with the frame's area, so they compare only between frames of one size: the published
    Moving MNIST numbers are sums over 64 x 64 pixels.
    """

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """See MetricGroup."""
        return (
            Metric("mse", "squared error of a frame", "squared brightness", 0.0, math.inf, higher_is_better=False),
            Metric("mae", "absolute error of a frame", "brightness", 0.0, math.inf, higher_is_better=False),
            Metric("mse_pixel", "squared error per pixel", "squared brightness", 0.0, 1.0, higher_is_better=False),
            Metric("mae_pixel", "absolute error per pixel", "brightness", 0.0, 1.0, higher_is_better=False),
        )

    def per_frame(self, forecast: Frames, target: Frames, history: History) -> Mapping[str, FrameScores]:  # noqa: ARG002  # needs no past
        """See MetricGroup."""
        error = np.subtract(forecast, target, dtype=np.float64)
        absolute, squared = np.abs(error), np.square(error)
        return {
            "mse": squared.sum(PIXELS),
            "mae": absolute.sum(PIXELS),
            "mse_pixel": squared.mean(PIXELS),
            "mae_pixel": absolute.mean(PIXELS),
        }
