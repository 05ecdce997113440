"""How well a mean over clips is known."""

import warnings

import numpy as np
from jaxtyping import Float
from scipy import stats

CONFIDENCE = 0.95

PerClip = Float[np.ndarray, "clip *rest"]
PerRest = Float[np.ndarray, "*rest"]


def mean_interval(values: PerClip) -> tuple[PerRest, PerRest, PerRest]:
    """Return the mean over clips, and the ends of its interval: Student's t at CONFIDENCE, NaN left out.

    Clips are the replication, so it speaks of these forecasts on other clips, not of another training. Clips of
    one source are independent. NaN ends for fewer than two defined clips; a NaN mean where there is none.

    In simulations at 24 clips 95 % intervals hold the true mean in 93 to 97 % for normal and moderately skewed values
    (skewness up to 1.4), but in 92 % for exponential and 88 % for log-normal ones (sigma 1), and in fewer for fewer
    clips.
    """
    count = (~np.isnan(values)).sum(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # an all-NaN column is undefined, and is told as NaN
        mean = np.nanmean(values, axis=0)
        spread = np.nanstd(values, axis=0, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        half = stats.t.ppf((1 + CONFIDENCE) / 2, np.maximum(count - 1, 1)) * spread / np.sqrt(count)
    half = np.where(count > 1, half, np.nan)
    return mean, mean - half, mean + half
