"""Squared and absolute error, in the two conventions in use."""

from collections.abc import Mapping
from typing import final

import numpy as np

from ablate.arrays import Frames, FrameScores, History
from ablate.metrics.metric import Measure, Metric


@final
class PixelError(Metric):
    """`mse` and `mae` sum over a frame's pixels, as OpenSTL reports them; `mse_pixel` and `mae_pixel` average.

    Differences of brightness in [0, 1]. 0 is perfect; a published 29.8 for ConvLSTM is an `mse` at 64x64.
    """

    @property
    def measures(self) -> tuple[Measure, ...]:
        """See Metric."""
        return (
            Measure("mse", "MSE (a frame)", "summed over a frame", 0, np.inf, higher_is_better=False),
            Measure("mae", "MAE (a frame)", "summed over a frame", 0, np.inf, higher_is_better=False),
            Measure("mse_pixel", "MSE (a pixel)", "", 0, 1, higher_is_better=False),
            Measure("mae_pixel", "MAE (a pixel)", "", 0, 1, higher_is_better=False),
        )

    def per_frame(self, forecast: Frames, truth: Frames, history: History) -> Mapping[str, FrameScores]:  # noqa: ARG002  # part of the contract
        """See Metric."""
        error = forecast.astype(np.float64) - truth
        squared, absolute = np.square(error), np.abs(error)
        return {
            "mse": squared.sum(axis=(2, 3)),
            "mae": absolute.sum(axis=(2, 3)),
            "mse_pixel": squared.mean(axis=(2, 3)),
            "mae_pixel": absolute.mean(axis=(2, 3)),
        }
