"""Frames as enlarged color tiles, each pixel a square; and the ghost map."""

import numpy as np
from jaxtyping import Bool, Float, UInt8

from ablate.core.arrays import Clips, Frames
from ablate.measurement.metrics import Ghost
from ablate.measurement.metrics.ghost_masks import LIT
from ablate.storage.records import Example

Tiles = UInt8[np.ndarray, "clip time tile_height tile_width rgb"]
Marked = Bool[np.ndarray, "clip step height width"]
Hatch = Bool[np.ndarray, "height width"]
Color = Float[np.ndarray, "height width rgb"]

VERMILLION = (255, 110, 30)
"""Okabe and Ito's vermillion, brightened for a black background."""
OUTLINE = (255, 255, 255)
DIM = 0.55
"""Factor for the forecast in a ghost map: full ink becomes 140, far below the white outline."""
FULL_GHOST = 0.3
"""Ghost that is drawn in full color, and so is every stronger one. A ghost of 0.05 still has 42 of 255 levels."""
HATCH_GAP = 0.3
"""Factor for a ghost's color between the strokes of its hatch."""
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
    """Return the ghost map: the forecast in dim gray, and the ghost of its stale pixels hatched in vermillion.

    The color's strength is the pixel's excess over its control relative to the digits, so the map shows what
    `ghost_ratio` averages (see Ghost.excess_map): haze and blur get no color, nor does a frame in which the ratio is
    undefined. The scale is the same in every picture, from 0 to FULL_GHOST. A white outline surrounds the target digits
    of the step. It is inside the margin, so it hides no ghost.
    """
    # Readable without color: the forecast is plain and at most mid-gray, only the ghost has stripes, and only the
    # outline is white.
    gray = DIM * FULL * _enlarged(_unit(example.forecast), scale)[..., None]
    strength = _enlarged(np.clip(np.nan_to_num(ghost_map(example)) / FULL_GHOST, 0, 1), scale)[..., None]
    tiles: Tiles = np.rint((1 - strength) * gray + strength * hatched(*gray.shape[-3:-1])).astype(np.uint8)
    tiles[_outline(_enlarged(_unit(example.target) >= LIT, scale))] = OUTLINE
    return tiles


def ghost_map(example: Example) -> Frames:
    """Return the ghost of each stale pixel, NaN elsewhere (see Ghost.excess_map)."""
    return Ghost().excess_map(*map(_unit, (example.forecast, example.target, example.history)))


def hatched(height: int, width: int) -> Color:
    """Return a full ghost: bright strokes of vermillion, and darker gaps."""
    color: Color = np.where(hatch(height, width), 1, HATCH_GAP)[..., None] * np.array(VERMILLION)
    return color


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
