"""The frames of a run as steps of one picture, which MLflow shows with a slider, for up to ten runs at a time."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from ablate.report.frame_grid import clips_at, font
from ablate.report.tiles import frame_tiles, ghost_tiles, scale_to
from ablate.storage.records import RunRecord

IMAGE_KEY = "frames/target - forecast - ghost"
"""Name of the picture: its three columns, from left to right."""
MOST_STEPS = 10  # each step is two files and one write to the database
MOST_CLIPS = 3  # rows; a card of MLflow's page is hardly higher than wide
TILE = 96  # pixels of a frame's longer side: three columns fit in a card of MLflow's page
GAP, PAPER, LINE = 4, 255, 22
"""Width of the gap between tiles in pixels, its brightness, and the height of the line of text above them."""
Picture = UInt8[np.ndarray, "height width rgb"]


def frame_steps(record: RunRecord, view: str) -> Iterator[tuple[int, Picture]]:
    """Yield positions of MLflow's slider, from 0, and the frames of the first clips at a forecast step, one clip a row.

    The slider opens at 0, so that is the first forecast step; each picture says its step, from 1. Of a long forecast,
    MOST_STEPS steps are chosen at equal distances, the first and the last among them.
    """
    example = record.examples.get(view)
    if example is None:
        return
    example = clips_at(example, slice(MOST_CLIPS))
    scale = scale_to(TILE, example.target)
    columns = (frame_tiles(example.target, scale), frame_tiles(example.forecast, scale), ghost_tiles(example, scale))
    horizon = example.target.shape[1]
    for step in np.unique(np.linspace(0, horizon - 1, min(MOST_STEPS, horizon)).round().astype(int)):
        sheet = _sheet(np.stack([tiles[:, step] for tiles in columns], axis=1))
        yield int(step), np.concatenate([_heading(sheet.shape[1], f"forecast step {step + 1}"), sheet])


def _sheet(tiles: UInt8[np.ndarray, "clip column tile_height tile_width rgb"]) -> Picture:
    """Return the tiles of clips (rows) and columns as one picture, with gaps between them."""
    padded = np.pad(tiles, [(0, 0), (0, 0), (0, GAP), (0, GAP), (0, 0)], constant_values=PAPER)
    rows, columns, height, width, colors = padded.shape
    sheet = padded.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, colors)
    picture: Picture = np.ascontiguousarray(sheet[:-GAP, :-GAP])
    return picture


def _heading(width: int, text: str) -> Picture:
    """Return a line of text as wide as the picture below it."""
    line = Image.new("RGB", (width, LINE), (PAPER, PAPER, PAPER))
    ImageDraw.Draw(line).text((GAP, GAP // 2), text, fill=(0, 0, 0), font=font(LINE - 2 * GAP))
    picture: Picture = np.asarray(line)
    return picture
