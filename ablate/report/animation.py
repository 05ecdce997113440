"""The same forecasts in motion."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ablate.records import Example, whole_file
from ablate.report.frame_grid import FAINT, GAP, INK, MARGIN, PAPER, font
from ablate.report.tiles import Tiles, frame_tiles, ghost_tiles, scale_to

TILE = 168  # pixels a side, about
HEAD, FOOT = 34, 34
SECONDS_A_FRAME = 0.35
PAUSE = 1.2  # seconds on the last frame, before it starts again


def write_animation(path: Path, example: Example) -> None:
    """Write a GIF of the first clip: truth, forecast and ghost beside each other, the step counted below; it loops.

    It starts with the history, while forecast and ghost are still dark. Colours of the ghost as in ghost_tiles.
    """
    scale = scale_to(TILE, example.truth)
    before = np.zeros_like(example.history)
    panels = {
        "truth": frame_tiles(np.concatenate([example.history, example.truth], axis=1), scale),
        "forecast": frame_tiles(np.concatenate([before, example.forecast], axis=1), scale),
        "ghost": np.concatenate([frame_tiles(before, scale), ghost_tiles(example, scale)], axis=1),
    }
    past, steps = example.history.shape[1], example.truth.shape[1]
    captions = [f"history t-{lag}" if lag else "history t" for lag in range(past - 1, -1, -1)]
    captions += [f"forecast step {step} of {steps}" for step in range(1, steps + 1)]
    pictures = [_picture(panels, position, caption) for position, caption in enumerate(captions)]
    duration = [round(1000 * SECONDS_A_FRAME)] * (len(pictures) - 1) + [round(1000 * PAUSE)]
    with whole_file(path) as temporary, temporary.open("wb") as file:
        pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:], duration=duration, loop=0)


def _picture(panels: dict[str, Tiles], position: int, caption: str) -> Image.Image:
    high, wide = panels["truth"].shape[2:4]
    sheet = Image.new("RGB", (2 * MARGIN + len(panels) * (wide + GAP) - GAP, HEAD + high + FOOT), PAPER)
    draw = ImageDraw.Draw(sheet)
    for column, (name, tiles) in enumerate(panels.items()):
        left = MARGIN + column * (wide + GAP)
        draw.text((left + wide / 2, HEAD / 2), name, INK, font(16), anchor="mm")
        sheet.paste(Image.fromarray(tiles[0, position]), (left, HEAD))
    draw.text((sheet.width / 2, HEAD + high + FOOT / 2), caption, FAINT, font(16), anchor="mm")
    return sheet.quantize(64, dither=Image.Dither.NONE)
