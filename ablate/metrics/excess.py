"""How much brighter pixels are than others that lie equally far from the digits."""

import numpy as np
from jaxtyping import Float, Integer

from ablate.arrays import Frames, FrameScores
from ablate.metrics.ghost_masks import FARTHEST, Distance, Mask

Groups = Integer[np.ndarray, "clip step height width"]
GroupMeans = Float[np.ndarray, "clip step group"]


def excess_over(control: Mask, forecast: Frames, distance: Distance) -> Frames:
    """Return the forecast minus its mean over the control pixels at the same distance of the same frame.

    Blur and haze, which fall off with the distance from the digits, cancel. NaN at distances without control,
    so that a mean over the rest compares pixels with a control of exactly their own mix of distances.
    """
    level = group_means(forecast, control, distance, FARTHEST + 1)
    clip, step = np.ogrid[: level.shape[0], : level.shape[1]]
    excess: Frames = forecast - level[clip[..., None, None], step[..., None, None], distance]
    return excess


def mean_over(pixels: Mask, values: Frames) -> FrameScores:
    """Return the mean over some pixels of each frame, NaN pixels left out; NaN where none is left."""
    return group_means(values, pixels, np.broadcast_to(np.uint8(0), values.shape), 1)[..., 0]


def group_means(values: Frames, pixels: Mask, group: Groups, groups: int) -> GroupMeans:
    """Return the mean over some pixels of each frame, by the group (0 to groups - 1) that each belongs to.

    NaN pixels are left out; NaN where none is left.
    """
    at = np.flatnonzero(pixels & ~np.isnan(values))
    frame = at // (values.shape[2] * values.shape[3])
    key = frame * groups + group.ravel()[at]
    size = values.shape[0] * values.shape[1] * groups
    count = np.bincount(key, minlength=size)
    total = np.bincount(key, weights=values.ravel()[at], minlength=size)
    mean = np.divide(total, count, out=np.full(size, np.nan), where=count > 0)
    return mean.reshape(*values.shape[:2], groups)
