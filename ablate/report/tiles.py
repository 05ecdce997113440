"""Frames as enlarged color tiles, each pixel a square; and the ghost map."""

import numpy as np
from jaxtyping import Bool, UInt8

from ablate.core.arrays import Clips, Frames
from ablate.measurement.metrics.ghost_masks import ghost_masks
from ablate.storage.records import Example

Tiles = UInt8[np.ndarray, "clip time tile_height tile_width rgb"]
Marked = Bool[np.ndarray, "clip step height width"]
Hatch = Bool[np.ndarray, "height width"]

VERMILLION = (255, 110, 30)
"""Okabe and Ito's vermillion, brightened for a black background."""
OUTLINE = (255, 255, 255)
DIM = 0.55
"""Factor for the forecast in a ghost map: full ink becomes 140, far below the white outline."""
LIFT = 0.5
"""Exponent for a ghost's brightness: a ghost of 0.1 is still visible, and black stays black."""
HATCH_GAP = 0.3
"""Factor for a ghost's brightness between the strokes of its hatch."""
STROKE = 3
"""Width of a stroke of the hatch, and of a gap, in pixels of the enlarged picture."""
FULL = 255


def scale_to(side: int, frames: np.ndarray) -> int:
    """Return the integer factor that brings a frame's longer side nearest to `side` pixels, at least 1."""
    height, width = frames.shape[-2:]
    factor: int = max(1, round(side / max(height, width)))
    return factor


def frame_tiles(frames: Clips, scale: int) -> Tiles:
    """Return the frames enlarged by `scale`, white ink on black."""
    return np.repeat(_enlarged(frames, scale)[..., None], 3, axis=-1)


def ghost_tiles(example: Example, scale: int) -> Tiles:
    """Return the ghost map: the forecast in dim gray, its brightness on stale pixels hatched in vermillion.

    Stale pixels are those of GhostMasks: a digit was there in an earlier target frame, and no ink is within the margin
    now. A white outline surrounds the target digits of the step. It is inside the margin, so it hides no ghost.
    """
    # Readable without color: the forecast is plain and at most mid-gray, only the ghost has stripes, and only the
    # outline is white.
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
    """Return the unmarked pixels directly above, below, left or right of a marked one."""
    padded = np.pad(marked, [(0, 0), (0, 0), (1, 1), (1, 1)])
    near = padded[..., :-2, 1:-1] | padded[..., 2:, 1:-1] | padded[..., 1:-1, :-2] | padded[..., 1:-1, 2:]
    outline: Marked = near & ~marked
    return outline
