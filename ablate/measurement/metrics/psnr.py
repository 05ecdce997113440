"""Peak signal-to-noise ratio."""

from collections.abc import Mapping
from typing import final

import numpy as np

from ablate.core.arrays import Frames, FrameScores, History
from ablate.measurement.metrics.metric import Metric, MetricGroup

CEILING = 100.0  # dB; frames of 8 bits, rounded to the nearest level, already differ by 59 dB


@final
class PSNR(MetricGroup):
    """-10 log10 of a frame's mean squared error, in dB, the forecast clipped to [0, 1], as OpenSTL computes it.

    It is at most CEILING: a perfect frame would be infinite, and with it every mean.
    """

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """See MetricGroup."""
        return (Metric("psnr", "peak signal-to-noise ratio", "dB", 0.0, CEILING, higher_is_better=True),)

    def per_frame(self, forecast: Frames, target: Frames, history: History) -> Mapping[str, FrameScores]:  # noqa: ARG002  # needs no past
        """See MetricGroup."""
        error = np.subtract(np.clip(forecast, 0, 1), target, dtype=np.float64)
        mean = np.square(error).mean((-2, -1))
        return {"psnr": -10 * np.log10(np.maximum(mean, 10 ** (-CEILING / 10)))}
