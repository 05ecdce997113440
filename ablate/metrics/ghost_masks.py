"""Where a ghost would be, and where it would not: pixels told apart by the true frames alone."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int16, UInt8

from ablate.arrays import Frames, History

LIT = 0.5
"""True brightness from which a pixel counts as lit; any ink, however faint, is above 0."""
MARGIN = 2
"""Pixels around the ink of a frame that still belong to its digits, diagonals included."""
FARTHEST = 16
"""Distance from which on pixels count as equally far: no blur reaches there."""

Mask = Bool[np.ndarray, "clip step height width"]
Distance = UInt8[np.ndarray, "clip step height width"]
Age = Int16[np.ndarray, "clip step height width"]


@dataclass(frozen=True)
class GhostMasks:
    """The pixels of every forecast step, by what the true frames showed there, now and before."""

    present: Mask
    """Lit at this step."""
    stale: Mask
    """Lit in an earlier frame, and farther than MARGIN from any ink of this step."""
    control: Mask
    """Without ink in this and every earlier frame, and farther than MARGIN from any ink of this step."""
    distance: Distance
    """Chessboard distance in pixels to the nearest ink of this step, 0 on it, at most FARTHEST."""
    age: Age
    """On stale pixels that had no ink since they were last lit: how many steps ago that was. Else 0."""


def ghost_masks(truth: Frames, history: History) -> GhostMasks:
    """Tell the pixels apart; the earlier frames of a step are the history and the true frames before it."""
    frames, first = np.concatenate([history, truth], axis=1), history.shape[1]
    lit, inked = frames >= LIT, frames > 0
    last_lit, last_inked = _last_before(lit)[:, first:], _last_before(inked)[:, first:]
    distance = distance_to(inked[:, first:])
    far = distance > MARGIN
    stale = far & (last_lit > 0)
    now = np.arange(first + 1, frames.shape[1] + 1, dtype=np.int16)[:, None, None]
    age = np.where(stale & (last_lit == last_inked), now - last_lit, np.int16(0))
    return GhostMasks(lit[:, first:], stale, far & (last_inked == 0), distance, age)


def distance_to(marked: Mask) -> Distance:
    """Return each pixel's chessboard distance to the nearest marked pixel of its frame, at most FARTHEST."""
    distance = np.zeros(marked.shape, np.uint8)
    for _ in range(FARTHEST):
        distance += ~marked
        marked = _dilated(marked)
    return distance


def ever(marked: Mask) -> Mask:
    """Return the pixels marked in this step or an earlier one."""
    so_far = marked.copy()
    for step in range(1, marked.shape[1]):
        so_far[:, step] |= so_far[:, step - 1]
    return so_far


def _dilated(marked: Mask) -> Mask:
    rows = marked.copy()
    rows[..., 1:, :] |= marked[..., :-1, :]
    rows[..., :-1, :] |= marked[..., 1:, :]
    square = rows.copy()
    square[..., 1:] |= rows[..., :-1]
    square[..., :-1] |= rows[..., 1:]
    return square


def _last_before(seen: Mask) -> Age:
    """Return for each frame the number (from 1) of the latest frame before it in which a pixel was seen; 0: none."""
    latest = np.zeros(seen.shape, np.int16)
    for number in range(1, seen.shape[1]):
        latest[:, number] = np.where(seen[:, number - 1], number, latest[:, number - 1])
    return latest
