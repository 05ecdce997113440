"""How the ghost fades along the path: its brightness by the time since the digit was there."""

import numpy as np
from jaxtyping import Float

from ablate.measurement.metrics.excess import Excess
from ablate.measurement.metrics.metric import Metric
from ablate.measurement.metrics.past import LONGEST_LAG, Past

TRAIL = tuple(
    Metric(f"trail_lag_{lag:02}", f"ghost at lag {lag}", "ratio", -20.0, 20.0, higher_is_better=False)
    for lag in range(1, LONGEST_LAG + 1)
)

Profile = Float[np.ndarray, "clip step lag"]


def trail_profile(excess: Excess, past: Past) -> Profile:
    """Return mean excess / mean true brightness when last lit, over the stale pixels of each age; NaN: there are none.

    Ages go from 1 to LONGEST_LAG. Copying the last frame is a spike at lag 1; a state that never forgets is a
    long tail. Pixels that had ink since they were last lit, too faint to be lit, have no age: whose trace they
    bear is not known. Digits that move less than the margin in a step leave nothing at lag 1: on 32 pixels
    it is undefined. On gray frames a ghost that does not fade reads up to a fifth higher at the shortest lag and less
    so at longer ones: what shows there is from when the pixel was brighter than when it was last lit.
    """
    pixels, age = excess.pixels, excess.pixels.of(past.age)
    left = pixels.group_means(excess.value, age, LONGEST_LAG + 1)
    shown = pixels.group_means(pixels.of(past.last_lit), age, LONGEST_LAG + 1)
    profile: Profile = (left / shown)[..., 1:]
    return profile
