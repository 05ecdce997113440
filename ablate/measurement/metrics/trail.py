"""How the ghost fades along the path: its brightness by the time since the digit was there."""

import numpy as np
from jaxtyping import Float
from scipy.optimize import curve_fit

from ablate.measurement.metrics.contrast import Excess
from ablate.measurement.metrics.ghost_masks import LONGEST_LAG, Past
from ablate.measurement.metrics.metric import Metric

TRAIL = tuple(
    Metric(f"trail_lag_{lag:02}", f"ghost at lag {lag}", "ratio", -100.0, 100.0, higher_is_better=False)
    for lag in range(1, LONGEST_LAG + 1)
)
MIN_LAGS = 3
"""Lags that a fit needs: two parameters pass through any two points."""
MIN_BRIGHTNESS = 0.02
"""Brightness relative to the digits from which a trail counts as one. Blur and noise leave less."""
MIN_DECAY = 0.25
"""Smallest decay constant in steps: with less, under MIN_BRIGHTNESS is left at the next lag."""

TrailProfile = Float[np.ndarray, "clip step lag"]
Lags = Float[np.ndarray, " lag"]


def trail_profile(excess: Excess, past: Past) -> TrailProfile:
    """Return mean excess / mean target brightness when last lit, over the stale pixels of each age.

    Ages are 1 to LONGEST_LAG; NaN for an age without pixels. Copying the last frame gives a spike at lag 1, a state
    that never forgets gives a long tail. Pixels with ink since they were last lit, too faint to be lit, have no age:
    the ink that they still show could be of either time. Digits that move less than the margin in a step leave
    nothing at lag 1: on frames of 32 pixels it is undefined. On gray frames a ghost that does not fade reads up to a
    fifth higher at the shortest lag: it may come from a time when the pixel was brighter than when it was last lit.
    """
    pixels, age = excess.pixels, excess.pixels.of(past.age)
    trace = pixels.group_means(excess.value, age, LONGEST_LAG + 1)
    brightest = pixels.group_means(pixels.of(past.last_lit), age, LONGEST_LAG + 1)
    profile: TrailProfile = (trace / brightest)[..., 1:]
    return profile


def decay_steps(profile: Lags) -> float | None:
    """Return the decay constant tau of a mean trail profile, in steps: brightness = a * exp(-lag / tau).

    `profile` holds the brightness at lag 1, 2, ... (see trail_profile), averaged over clips and steps; NaN where it is
    undefined. After tau steps 1/e of the trail is left; a trail that keeps the share d in each step has
    tau = -1 / ln d. a and tau are fitted by least squares to the brightness itself (scipy.optimize.curve_fit), from
    the brightest lag on. The logarithm is not used: blur and noise add the same at all lags, so a faded lag may be
    below 0.

    A trail at a single lag, such as a copy of the last frame leaves, ends within one step: its tau is MIN_DECAY, the
    smallest value. Returns None without a trail (fewer than MIN_LAGS are defined, or none reaches MIN_BRIGHTNESS), and
    for a trail that does not fade: its brightest lag is among the last two, or tau exceeds the longest lag. A trail
    that fades to a constant above 0 has no single tau; the value returned is a compromise.
    """
    lags = 1 + np.flatnonzero(~np.isnan(profile))
    brightness = profile[lags - 1]
    if len(lags) < MIN_LAGS or brightness.max() < MIN_BRIGHTNESS:
        return None
    brightest = brightness.argmax()
    since, share = lags[brightest:] - lags[brightest], brightness[brightest:] / brightness[brightest]
    if len(since) < MIN_LAGS:
        return None
    (_, rate), _ = curve_fit(_exponential, since, share, p0=(1.0, 0.5), bounds=((0.0, 0.0), (np.inf, 1 / MIN_DECAY)))
    return float(1 / rate) if rate * len(profile) >= 1 else None


def _exponential(since: Lags, start: float, rate: float) -> Lags:
    share: Lags = start * np.exp(-rate * since)
    return share
