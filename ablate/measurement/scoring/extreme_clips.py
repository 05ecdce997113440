"""The clips with the strongest and the weakest ghost."""

import warnings

import numpy as np

from ablate.core.arrays import FrameScores

EXTREMES = 2
"""Clips at either end that are kept and shown."""


def strongest_and_weakest(ghost_ratio: FrameScores, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the clips with the largest and the smallest mean ghost ratio over their defined steps, the extreme first.

    A clip without a defined step is in neither, and none is in both: of fewer than 2 x count, the stronger half
    are the strongest.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a clip without a defined step is undefined
        means = np.nanmean(ghost_ratio, axis=1)
    order = np.argsort(-means, kind="stable")[: np.count_nonzero(~np.isnan(means))].tolist()
    strongest = order[: min(count, -(-len(order) // 2))]
    weakest = order[len(strongest) :][::-1][:count]
    return tuple(strongest), tuple(weakest)
