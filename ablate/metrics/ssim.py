"""Structural similarity, in the two conventions in use."""

from collections.abc import Mapping
from typing import Any, final

import numpy as np
from skimage.metrics import structural_similarity

from ablate.arrays import Frames, FrameScores, History
from ablate.metrics.metric import Measure, Metric

WANG: dict[str, Any] = {"data_range": 1.0, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
OPENSTL: dict[str, Any] = {"data_range": 2.0, "win_size": 7}


@final
class SSIM(Metric):
    """Structural similarity of Wang et al. 2004 (doi:10.1109/TIP.2003.819861), by scikit-image; in [-1, 1], 1 is perfect.

    `ssim` has the paper's Gaussian window and the true range of 1. `ssim_openstl` is what OpenSTL's tables show:
    a uniform 7x7 window and, by an old default for floats, a range of 2, which makes it larger. Forecasts
    are clipped to [0, 1]. Frames must be at least 11 pixels high and wide.
    """

    @property
    def measures(self) -> tuple[Measure, ...]:
        """See Metric."""
        return (
            Measure("ssim", "SSIM", "", -1, 1, higher_is_better=True),
            Measure("ssim_openstl", "SSIM (OpenSTL)", "", -1, 1, higher_is_better=True),
        )

    def per_frame(self, forecast: Frames, truth: Frames, history: History) -> Mapping[str, FrameScores]:  # noqa: ARG002  # part of the contract
        """See Metric."""
        clipped = np.clip(forecast, 0, 1)
        return {"ssim": _each(clipped, truth, WANG), "ssim_openstl": _each(clipped, truth, OPENSTL)}


def _each(forecast: Frames, truth: Frames, convention: dict[str, Any]) -> FrameScores:
    values = [
        structural_similarity(p, y, **convention)
        for clip, true_clip in zip(forecast, truth, strict=True)
        for p, y in zip(clip, true_clip, strict=True)
    ]
    return np.array(values, np.float64).reshape(forecast.shape[:2])
