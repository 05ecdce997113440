"""Peak signal-to-noise ratio."""

from collections.abc import Mapping
from typing import final

import numpy as np

from ablate.arrays import Frames, FrameScores, History
from ablate.metrics.metric import Measure, Metric

CAP_DB = 100.0


@final
class PSNR(Metric):
    """10 log10(1 / mean squared error of a frame), in dB, as OpenSTL has it: forecast clipped to [0, 1], peak 1.

    It grows without bound towards a perfect frame; 100 dB is the most that is given, so that means stay finite.
    """

    @property
    def measures(self) -> tuple[Measure, ...]:
        """See Metric."""
        return (Measure("psnr", "PSNR", "dB", 0, CAP_DB, higher_is_better=True),)

    def per_frame(self, forecast: Frames, truth: Frames, history: History) -> Mapping[str, FrameScores]:  # noqa: ARG002  # part of the contract
        """See Metric."""
        error = np.square(np.clip(forecast, 0, 1).astype(np.float64) - truth).mean(axis=(2, 3))
        return {"psnr": -10 * np.log10(np.maximum(error, 10 ** (-CAP_DB / 10)))}
