"""A still picture of forecasts: truth, forecast and ghost below each other, time from left to right."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ablate.records import Example, whole_file
from ablate.report.tiles import OUTLINE, VERMILLION, Tiles, frame_tiles, ghost_tiles, scale_to

TILE = 96  # pixels a side, about
HISTORY = 4  # frames shown before the forecast
STEPS = 12  # forecast steps shown; more are thinned out evenly
CLIPS = 3
GAP, CLIP_GAP, MARGIN, LABELS, TITLE, HEAD, LEGEND = 3, 14, 18, 84, 40, 24, 34
PAPER, INK, FAINT = (255, 255, 255), (28, 28, 30), (96, 96, 100)


def write_frame_grid(path: Path, example: Example, title: str) -> None:
    """Write a PNG with three rows a clip (truth, forecast, ghost), one column a moment, the title above.

    The truth starts with the last frames of the history, labelled up to t; +1 is the first forecast step.
    The ghost row shows the forecast's brightness on stale pixels (see ghost_tiles).
    """
    _save(path, _grid(example, title, CLIPS))


def write_comparison(path: Path, worst: Example, best: Example, captions: tuple[str, str]) -> None:
    """Write a PNG with the first clip of two runs above each other, each under its caption."""
    above, below = (_grid(example, title, 1) for example, title in zip((worst, best), captions, strict=True))
    sheet = Image.new("RGB", (max(above.width, below.width), above.height + below.height), PAPER)
    sheet.paste(above, (0, 0))
    sheet.paste(below, (0, above.height))
    _save(path, sheet)


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the typeface that Pillow brings along: the same on every machine."""
    return ImageFont.load_default(size)


def fitted(text: str, size: int, width: int) -> str:
    """Return the text, its end cut off where it would be wider than `width` pixels."""
    if font(size).getlength(text) <= width:
        return text
    while text and font(size).getlength(text + "...") > width:
        text = text[:-1]
    return text.rstrip() + "..."


def _grid(example: Example, title: str, most_clips: int) -> Image.Image:
    scale = scale_to(TILE, example.truth)
    past = example.history[:, -HISTORY:]
    steps = _shown(example.truth.shape[1])
    before = past.shape[1]
    rows = [
        ("truth", 0, np.concatenate([frame_tiles(past, scale), frame_tiles(example.truth[:, steps], scale)], axis=1)),
        ("forecast", before, frame_tiles(example.forecast[:, steps], scale)),
        ("ghost", before, ghost_tiles(example, scale)[:, steps]),
    ]
    clips = min(most_clips, len(example.truth))
    high, wide = (side * scale for side in example.truth.shape[-2:])
    block = len(rows) * (high + GAP) + CLIP_GAP
    size = (2 * MARGIN + LABELS + (before + len(steps)) * (wide + GAP), TITLE + HEAD + clips * block + LEGEND)
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, TITLE / 2 + 4), fitted(title, 19, size[0] - 2 * MARGIN), INK, font(19), anchor="lm")
    left, top = MARGIN + LABELS, TITLE + HEAD
    _label_columns(draw, _moments(before, steps), left, wide)
    for clip in range(clips):
        for name, shift, tiles in rows:
            draw.text((left - 12, top + high / 2), name, INK, font(15), anchor="rm")
            _paste(sheet, tiles, clip, (left + shift * (wide + GAP), top))
            top += high + GAP
        top += CLIP_GAP
    _explain(draw, left, top + LEGEND // 2 - 8)
    return sheet


def _shown(steps: int) -> list[int]:
    """Return the positions of the steps to show, first and last included."""
    return [round(step) for step in np.linspace(0, steps - 1, min(steps, STEPS))]


def _moments(before: int, steps: Sequence[int]) -> list[str]:
    past = [f"t-{lag}" if lag else "t" for lag in range(before - 1, -1, -1)]
    return past + [f"+{step + 1}" for step in steps]


def _label_columns(draw: ImageDraw.ImageDraw, labels: Sequence[str], left: int, wide: int) -> None:
    for column, label in enumerate(labels):
        place = (left + column * (wide + GAP) + wide / 2, TITLE + HEAD - 6)
        draw.text(place, label, INK if label.startswith("+") else FAINT, font(14), anchor="ms")


def _paste(sheet: Image.Image, tiles: Tiles, clip: int, corner: tuple[int, int]) -> None:
    for position in range(tiles.shape[1]):
        tile = Image.fromarray(tiles[clip, position])
        sheet.paste(tile, (corner[0] + position * (tile.width + GAP), corner[1]))


def _explain(draw: ImageDraw.ImageDraw, left: int, middle: int) -> None:
    entries = [
        (VERMILLION, "brightness the forecast keeps where a digit was and no longer is"),
        (OUTLINE, "outline of the true digit now"),
    ]
    for colour, text in entries:
        draw.rectangle((left, middle - 6, left + 12, middle + 6), fill=colour)
        draw.text((left + 20, middle), text, FAINT, font(13), anchor="lm")
        left += 20 + round(font(13).getlength(text)) + 28


def _save(path: Path, image: Image.Image) -> None:
    with whole_file(path) as temporary, temporary.open("wb") as file:
        image.save(file, "PNG", optimize=True)
