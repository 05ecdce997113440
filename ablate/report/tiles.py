"""Frames as enlarged colour tiles, each pixel a square; and the ghost among them."""

import numpy as np
from jaxtyping import UInt8

from ablate.arrays import Clips, Frames
from ablate.metrics.ghost_masks import Mask, ghost_masks
from ablate.records import Example

Tiles = UInt8[np.ndarray, "clip time height width rgb"]

VERMILLION = (255, 110, 30)
"""Okabe and Ito's vermillion, brightened for a black ground."""
OUTLINE = (122, 122, 122)
FULL = 255


def scale_to(target: int, frames: Clips) -> int:
    """Return the whole factor that brings a frame's longer side nearest to `target` pixels, at least 1."""
    height, width = frames.shape[-2:]
    factor: int = max(1, round(target / max(height, width)))
    return factor


def frame_tiles(frames: Clips, scale: int) -> Tiles:
    """Return the frames `scale` times as large, ink white on black."""
    return np.repeat(_enlarged(frames, scale)[..., None], 3, axis=-1)


def ghost_tiles(example: Example, scale: int) -> Tiles:
    """Return what the ghost metric looks at: the forecast's brightness on stale pixels, in vermillion.

    Stale is what GhostMasks calls so: digits were there in an earlier true frame, and are none within its margin
    now. The outline is that of the true digits of the step.
    """
    masks = ghost_masks(_unit(example.truth), _unit(example.history))
    ghost = _enlarged(np.where(masks.stale, example.forecast, 0), scale)
    tiles: Tiles = np.rint(ghost[..., None] / FULL * np.array(VERMILLION)).astype(np.uint8)
    tiles[_outline(_enlarged(masks.present, scale))] = OUTLINE
    return tiles


def _unit(frames: Clips) -> Frames:
    return frames.astype(np.float32) / FULL


def _enlarged(frames: np.ndarray, scale: int) -> np.ndarray:
    return frames.repeat(scale, axis=-2).repeat(scale, axis=-1)


def _outline(marked: Mask) -> Mask:
    """Return the marked pixels with an unmarked neighbour above, below, left or right; beyond a frame none is."""
    padded = np.pad(marked, [(0, 0), (0, 0), (1, 1), (1, 1)])
    inner = padded[..., :-2, 1:-1] & padded[..., 2:, 1:-1] & padded[..., 1:-1, :-2] & padded[..., 1:-1, 2:]
    outline: Mask = marked & ~inner
    return outline
