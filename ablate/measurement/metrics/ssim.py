"""Structural similarity, in both conventions, by scikit-image itself."""

from collections.abc import Mapping
from typing import Any, final

import numpy as np
from skimage.metrics import structural_similarity

from ablate.core.arrays import Frames, FrameScores, History
from ablate.measurement.metrics.metric import Metric, MetricGroup

GAUSSIAN = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
OPENSTL = {"win_size": 7, "data_range": 2.0}


@final
class SSIM(MetricGroup):
    """Mean structural similarity of two frames (Wang et al. 2004, doi:10.1109/TIP.2003.819861); in [-1, 1].

    `ssim` follows the paper: Gaussian window of 11 pixels, biased covariance, range 1. `ssim_openstl` follows
    OpenSTL's published numbers: uniform window of 7 pixels, sample covariance, and a range of 2, which was the default
    for floats in scikit-image up to 0.19 and makes values too high. Both clip the forecast to [0, 1] and use only
    windows that are wholly inside the frame. Raises ValueError for frames smaller than 11 pixels.
    """

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """See MetricGroup."""
        return (
            Metric("ssim", "structural similarity", "index", -1.0, 1.0, higher_is_better=True),
            Metric("ssim_openstl", "structural similarity as in OpenSTL", "index", -1.0, 1.0, higher_is_better=True),
        )

    def per_frame(self, forecast: Frames, target: Frames, history: History) -> Mapping[str, FrameScores]:  # noqa: ARG002  # needs no past
        """See MetricGroup."""
        clipped = np.clip(forecast, 0, 1).astype(np.float64)
        target = target.astype(np.float64)
        return {"ssim": _similarity(clipped, target, GAUSSIAN), "ssim_openstl": _similarity(clipped, target, OPENSTL)}


def _similarity(forecast: Frames, target: Frames, convention: Mapping[str, Any]) -> FrameScores:
    score = np.empty(target.shape[:2])
    for frame in np.ndindex(*score.shape):
        score[frame] = structural_similarity(forecast[frame], target[frame], **convention)  # type: ignore[no-untyped-call]  # scikit-image has no types
    return score
