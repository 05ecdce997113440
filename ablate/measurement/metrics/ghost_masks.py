"""Where a ghost would be, and where it would not: pixels told apart by the true frames alone."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from ablate.core.arrays import Frames, History
from ablate.measurement.metrics.past import LIT, Past, past_of

MARGIN = 2
"""Pixels around the ink of a frame that still belong to its digits, diagonals included."""

Mask = Bool[np.ndarray, "clip step height width"]


@dataclass(frozen=True)
class GhostMasks:
    """The pixels of every forecast step, by what the true frames showed there, now and before."""

    present: Mask
    """Lit at this step."""
    stale: Mask
    """Lit in an earlier frame, and farther than MARGIN from any ink of this step."""
    control: Mask
    """Without ink in this and every earlier frame, and farther than MARGIN from any ink of this step."""
    past: Past
    """What the earlier frames showed at each pixel."""


def ghost_masks(target: Frames, history: History) -> GhostMasks:
    """Tell the pixels apart; the earlier frames of a step are the history and the true frames before it."""
    past = past_of(target, history)
    far = ~near(target > 0)
    return GhostMasks(target >= LIT, far & (past.brightest >= LIT), far & (past.brightest == 0), past)


def near(marked: Mask) -> Mask:
    """Return the pixels at most MARGIN from a marked pixel of their frame, diagonals included."""
    columns = marked.copy()
    for away in range(1, MARGIN + 1):
        columns[..., away:, :] |= marked[..., :-away, :]
        columns[..., :-away, :] |= marked[..., away:, :]
    square = columns.copy()
    for away in range(1, MARGIN + 1):
        square[..., away:] |= columns[..., :-away]
        square[..., :-away] |= columns[..., away:]
    return square


__all__ = ["LIT", "MARGIN", "GhostMasks", "Mask", "ghost_masks", "near"]
