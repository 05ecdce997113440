"""Frames as enlarged color tiles, each pixel a square; and the ghost among them."""

import numpy as np
from jaxtyping import Bool, UInt8

from ablate.core.arrays import Clips, Frames
from ablate.measurement.metrics.ghost_masks import ghost_masks
from ablate.storage.records import Example

Tiles = UInt8[np.ndarray, "clip time tile_height tile_width rgb"]
Marked = Bool[np.ndarray, "clip step height width"]
Hatch = Bool[np.ndarray, "height width"]

VERMILLION = (255, 110, 30)
"""Okabe and Ito's vermillion, brightened for a black ground."""
OUTLINE = (255, 255, 255)
DIM = 0.55
"""Share of its brightness a forecast keeps below its ghost: full ink becomes 140, the outline stays far above."""
LIFT = 0.5
"""Power that a ghost's brightness is drawn with, so that one of a tenth is still seen; black stays black."""
HATCH_GAP = 0.3
"""Share of its brightness a ghost keeps between the strokes of its hatch."""
STROKE = 3
"""Pixels of the enlarged picture across a stroke of the hatch, and between two."""
FULL = 255


def scale_to(side: int, frames: np.ndarray) -> int:
    """Return the integer factor that brings a frame's longer side nearest to `side` pixels, at least 1."""
    height, width = frames.shape[-2:]
    factor: int = max(1, round(side / max(height, width)))
    return factor


def frame_tiles(frames: Clips, scale: int) -> Tiles:
    """Return the frames `scale` times as large, ink white on black."""
    return np.repeat(_enlarged(frames, scale)[..., None], 3, axis=-1)


def ghost_tiles(example: Example, scale: int) -> Tiles:
    """Return the ghost map: the forecast in dim gray, its brightness on stale pixels hatched in vermillion.

    Stale is what GhostMasks calls so: digits were there in an earlier true frame, and are none within its margin
    now. The white line runs around the true digits of the step; it lies within the margin, so it hides no ghost.
    """
    # Told apart without color: the forecast is plain and never above mid-gray, the ghost alone has stripes, and
    # the outline alone is white. Hue only adds to that.
    masks = ghost_masks(_unit(example.target), _unit(example.history))
    brightness = _enlarged(example.forecast, scale)[..., None] / FULL
    share = np.where(hatch(*brightness.shape[-3:-1]), 1, HATCH_GAP)[..., None]
    ghost = share * brightness**LIFT * np.array(VERMILLION)
    stale = _enlarged(masks.stale, scale)[..., None]
    tiles: Tiles = np.rint(np.where(stale, ghost, DIM * FULL * brightness)).astype(np.uint8)
    tiles[_outline(_enlarged(masks.present, scale))] = OUTLINE
    return tiles


def hatch(height: int, width: int) -> Hatch:
    """Return diagonal strokes, True on a stroke."""
    rows, columns = np.indices((height, width))
    strokes: Hatch = (rows + columns) // STROKE % 2 == 0
    return strokes


def _unit(frames: Clips) -> Frames:
    return frames.astype(np.float32) / FULL


def _enlarged(frames: np.ndarray, scale: int) -> np.ndarray:
    return frames.repeat(scale, axis=-2).repeat(scale, axis=-1)


def _outline(marked: Marked) -> Marked:
    """Return the pixels beside a marked one, above, below, left or right of it: the line runs around, hiding none."""
    padded = np.pad(marked, [(0, 0), (0, 0), (1, 1), (1, 1)])
    near = padded[..., :-2, 1:-1] | padded[..., 2:, 1:-1] | padded[..., 1:-1, :-2] | padded[..., 1:-1, 2:]
    outline: Marked = near & ~marked
    return outline
