"""How long a trail takes to fade."""

import numpy as np
from jaxtyping import Float
from scipy.optimize import curve_fit

MeanProfile = Float[np.ndarray, " lag"]

FEWEST_LAGS = 3
"""Lags from which a curve of two parameters is told from any two points."""
CLEAR = 0.02
"""Brightness from which a trail counts as one, relative to the digits; blur and noise leave less."""
SHORTEST = 0.25
"""Decay constant in steps below which nothing can be told: by the next lag less than CLEAR is left."""


def decay_steps(profile: MeanProfile) -> float | None:
    """Return the decay constant tau of a mean trail profile, in steps: brightness = a * exp(-lag / tau).

    `profile` holds the brightness at lag 1, 2, ... (see trail_profile), averaged over clips and steps, NaN where
    it is undefined. After tau steps 1/e of the trail is left; one that keeps the share d each step has
    tau = -1 / ln d. a and tau are fitted by least squares to the brightness itself (scipy.optimize.curve_fit), from
    the brightest lag on. Not to its logarithm: what blur and noise add is alike at all lags, and a faded
    lag may lie below 0.

    A trail at one lag alone, as copying the last frame leaves it, is over within a step: it has SHORTEST, the
    smallest value there is. None without a trail (fewer than FEWEST_LAGS defined, or none of at least CLEAR), and
    where it does not fade: its brightest lag is among the last two, or tau exceeds the longest lag. A trail that
    fades to a floor instead of to nothing has no single tau; the one returned then lies between the two.
    """
    lags = 1 + np.flatnonzero(~np.isnan(profile))
    brightness = profile[lags - 1]
    if len(lags) < FEWEST_LAGS or brightness.max() < CLEAR:
        return None
    brightest = brightness.argmax()
    since, share = lags[brightest:] - lags[brightest], brightness[brightest:] / brightness[brightest]
    if len(since) < FEWEST_LAGS:
        return None
    (_, rate), _ = curve_fit(_fading, since, share, p0=(1.0, 0.5), bounds=((0.0, 0.0), (np.inf, 1 / SHORTEST)))
    return float(1 / rate) if rate * len(profile) >= 1 else None


def _fading(since: Float[np.ndarray, " lag"], start: float, rate: float) -> Float[np.ndarray, " lag"]:
    faded: Float[np.ndarray, " lag"] = start * np.exp(-rate * since)
    return faded
