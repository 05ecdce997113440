"""How the ghost fades along the path: its brightness by the time since the digit was there."""

import numpy as np
from jaxtyping import Float

from ablate.arrays import Frames
from ablate.metrics.excess import group_means
from ablate.metrics.ghost_masks import Age
from ablate.metrics.metric import Measure

LONGEST_LAG = 12
"""Steps after which the path is no longer told apart."""

TRAIL = tuple(
    Measure(f"trail_lag_{lag:02}", f"ghost at lag {lag}", "ratio", -10.0, 10.0, higher_is_better=False)
    for lag in range(1, LONGEST_LAG + 1)
)

Profile = Float[np.ndarray, "clip step lag"]


def trail_profile(excess: Frames, age: Age) -> Profile:
    """Return the mean excess over the stale pixels of each age from 1 to LONGEST_LAG; NaN where there are none.

    Copying the last frame is a spike at lag 1; a state that never forgets is a long tail. Pixels that had
    ink since they were last lit, too faint to be lit, have no age: whose trace they bear is not known.
    Digits that move less than the margin in a step leave nothing at lag 1: on 32 pixels it is undefined.
    """
    return group_means(excess, (age > 0) & (age <= LONGEST_LAG), age, LONGEST_LAG + 1)[..., 1:]
