"""What the true frames before each forecast step showed."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from ablate.core.arrays import Frames, History

LIT = 0.5
"""True brightness from which a pixel counts as lit; any ink, however faint, is above 0."""
LONGEST_LAG = 12
"""Steps after which the path is no longer told apart."""

Age = UInt8[np.ndarray, "clip step height width"]


@dataclass(frozen=True)
class Past:
    """What each pixel showed before each forecast step: in the history and the true frames since."""

    brightest: Frames
    """The largest brightness it had."""
    last_lit: Frames
    """The brightness it had when it was last lit; 0 if it never was."""
    age: Age
    """How many steps ago it was last lit, if it had no ink since and that is at most LONGEST_LAG; else 0."""


def past_of(target: Frames, history: History) -> Past:
    """Go once through the frames of all clips, and keep what was there before each forecast step."""
    known, steps = history.shape[1], target.shape[1]
    brightest, last_lit = np.zeros_like(target), np.zeros_like(target)
    age = np.zeros(target.shape, np.uint8)
    so_far, light, lag = brightest[:, 0].copy(), last_lit[:, 0].copy(), age[:, 0].copy()
    for time in range(known + steps):
        if time >= known:
            brightest[:, time - known], last_lit[:, time - known], age[:, time - known] = so_far, light, lag
        frame = history[:, time] if time < known else target[:, time - known]
        lit = frame >= LIT
        np.maximum(so_far, frame, out=so_far)
        np.copyto(light, frame, where=lit)
        lag += lag > 0
        lag *= (frame == 0) & (lag <= LONGEST_LAG)
        lag += lit
    return Past(brightest, last_lit, age)
