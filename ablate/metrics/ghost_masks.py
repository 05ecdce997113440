"""Where a ghost could be, and what to compare it with; all of it from the true frames."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import distance_transform_cdt

from ablate.arrays import Frames, FrameScores, History

LIT = 0.5  # brightness from which a pixel belongs to a digit
NEAR = 2  # pixels of blur that still belong to the digit, and not to its ghost

Mask = Bool[np.ndarray, "clip step height width"]


@dataclass(frozen=True)
class GhostMasks:
    """Masks of every forecast frame.

    present: a digit is here now (brightness of at least LIT).
    age: steps since a digit was last here, for pixels that are not near one now; 0 where there never was one.
    stale: age above 0. This is where a ghost would be.
    ring: distance to the nearest ink of now, in pixels, measured as the larger of rows and columns.
    control: further than NEAR from any ink of now, and never inked so far. This is where haze is, but no ghost.
    """

    present: Mask
    age: Int[np.ndarray, "clip step height width"]
    control: Mask
    ring: Int[np.ndarray, "clip step height width"]

    @property
    def stale(self) -> Mask:
        """Return where a digit was, and none is near now."""
        return self.age > 0


def ghost_masks(truth: Frames, history: History) -> GhostMasks:
    """Mark present, stale and control pixels of every frame of `truth`, which follows `history`.

    Ink is any brightness above 0, so on stale and control pixels the truth itself is exactly black.
    """
    every = np.concatenate([history, truth], axis=1)
    past, steps = history.shape[1], truth.shape[1]
    lit, ink = every >= LIT, every > 0
    time = np.arange(1, past + steps + 1, dtype=np.int32)[:, None, None]
    last_lit = np.maximum.accumulate(np.where(lit, time, 0), axis=1)
    ever_inked = np.logical_or.accumulate(ink, axis=1)
    ring = _rings(ink[:, past:])
    away = ring > NEAR
    before = last_lit[:, past - 1 : -1] if past else np.concatenate([np.zeros_like(last_lit[:, :1]), last_lit[:, :-1]], 1)
    age = np.where(away & (before > 0), time[past:] - before, 0)
    return GhostMasks(lit[:, past:], age, away & ~ever_inked[:, past:], ring)


def excess(forecast: Frames, masks: GhostMasks, where: Mask) -> FrameScores:
    """Return how much brighter a frame is on `where` than on control pixels at the same distances from the digits.

    Both means run over the distances at which there are pixels of both kinds, weighted by the pixels of
    `where`; NaN where there is no such distance.
    """
    inside = _by_ring(forecast, where, masks.ring)
    outside = _by_ring(forecast, masks.control, masks.ring)
    weight = np.where((inside.count > 0) & (outside.count > 0), inside.count, 0)
    difference = np.where(weight > 0, inside.mean() - outside.mean(), 0)
    total = weight.sum(axis=-1)
    return np.divide((weight * difference).sum(axis=-1), total, out=np.full(total.shape, np.nan), where=total > 0)


def mean_over(forecast: Frames, where: Mask) -> FrameScores:
    """Return the mean brightness of every frame over `where`; NaN where that is nowhere."""
    count = where.sum(axis=(2, 3))
    total = np.where(where, forecast, 0).sum(axis=(2, 3), dtype=np.float64)
    return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)


@dataclass(frozen=True)
class _Rings:
    count: Float[np.ndarray, "clip step ring"]
    total: Float[np.ndarray, "clip step ring"]

    def mean(self) -> Float[np.ndarray, "clip step ring"]:
        return self.total / np.maximum(self.count, 1)


def _by_ring(forecast: Frames, where: Mask, ring: Int[np.ndarray, "clip step height width"]) -> _Rings:
    clips, steps, height, width = ring.shape
    rings = max(height, width) + 1
    frame = np.arange(clips * steps).reshape(clips, steps, 1, 1)
    place = (frame * rings + ring)[where]
    shape, size = (clips, steps, rings), clips * steps * rings
    count = np.bincount(place, minlength=size).reshape(shape).astype(np.float64)
    return _Rings(count, np.bincount(place, forecast[where], minlength=size).reshape(shape))


def _rings(ink: Mask) -> Int[np.ndarray, "clip step height width"]:
    """Return the chessboard distance of every pixel to the nearest ink; the longest side where there is none."""
    longest = max(ink.shape[2:])
    rings = [
        distance_transform_cdt(~frame, metric="chessboard") if frame.any() else np.full(frame.shape, longest)
        for frame in ink.reshape(-1, *ink.shape[2:])
    ]
    return np.stack(rings).reshape(ink.shape).astype(np.int64)
