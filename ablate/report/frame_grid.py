"""A still picture of forecasts: target, forecast and ghost map in rows, time from left to right."""

import io
from collections.abc import Sequence
from math import ceil
from pathlib import Path

import numpy as np
from jaxtyping import Shaped
from PIL import Image, ImageDraw, ImageFont

from ablate.core.arrays import Clips
from ablate.report.tiles import (
    DIM,
    FULL,
    FULL_GHOST,
    OUTLINE,
    Tiles,
    frame_tiles,
    ghost_map,
    ghost_tiles,
    hatched,
    scale_to,
)
from ablate.storage.atomic import whole_file
from ablate.storage.records import PARTS, Example

TILE = 96  # pixels per side, approximately
HISTORY = 4  # frames shown before the forecast
STEPS = 12  # forecast steps shown; of more steps an even selection
STRIP_HISTORY, STRIP_STEPS = 2, 6  # the same for a strip in a page, where fewer frames keep pixels large
MAX_CLIPS = 3
GAP, CLIP_GAP, MARGIN, LABELS, TITLE, HEAD = 3, 14, 18, 142, 40, 24
LEGEND_GHOSTS = (0.1, FULL_GHOST)
UNDEFINED = "undefined"
SWATCH, TEXT_GAP, ENTRY_GAP, LINE, FOOT = 16, 8, 28, 24, 10  # of the legend
PAPER, INK, FAINT, NOTE = (255, 255, 255), (28, 28, 30), (96, 96, 100), (170, 170, 178)
STRETCHED_BELOW = 0.6  # of full brightness: dimmer forecasts look black on the scale of the target
Notes = Shaped[np.ndarray, "clip step"]
"""A word for each tile."""
Entry = tuple[np.ndarray, str]
"""An entry of the legend: a square of the picture, and its meaning."""


def write_frame_grid(path: Path, example: Example, title: str) -> None:
    """Write a PNG of the first MAX_CLIPS clips under the title: three rows per clip, one column per frame.

    The rows are target, forecast and ghost map (see ghost_tiles). The target row starts with the last frames of the
    history, labeled up to t; +1 is the first forecast step. Each clip is labeled with its number.
    """
    _save(path, _grid(example, title, MAX_CLIPS))


def write_comparison(path: Path, worst: Example, best: Example, captions: tuple[str, str]) -> None:
    """Write a PNG with the first clip of two runs, one above the other, each with its caption.

    A dim forecast gets a row more, in which each frame is stretched to its own maximum, as matplotlib's imshow does.
    """
    stretched = min(example.forecast[0].max() for example in (worst, best)) < STRETCHED_BELOW * FULL
    above, below = (
        _grid(example, title, 1, stretched=stretched) for example, title in zip((worst, best), captions, strict=True)
    )
    sheet = Image.new("RGB", (max(above.width, below.width), above.height + below.height), PAPER)
    sheet.paste(above, (0, 0))
    sheet.paste(below, (0, above.height))
    _save(path, sheet)


def clip_strip(example: Example) -> bytes:
    """Return a PNG of the first clip: the same rows with fewer frames, without title and legend, in 256 colors."""
    return png(_rows(clips_at(example, slice(1)), STRIP_HISTORY, STRIP_STEPS).quantize(256, dither=Image.Dither.NONE))


def clips_at(example: Example, positions: Sequence[int] | np.ndarray | slice) -> Example:
    """Return the example with only the clips at these positions."""
    return Example(**{part: getattr(example, part)[positions] for part in PARTS})


def png(image: Image.Image) -> bytes:
    """Return the picture as the bytes of a PNG file."""
    content = io.BytesIO()
    image.save(content, "PNG", optimize=True)
    return content.getvalue()


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font that Pillow includes: it is the same on every machine."""
    return ImageFont.load_default(size)


def fitted(text: str, size: int, width: int) -> str:
    """Return the text, shortened if it is wider than `width` pixels."""
    if font(size).getlength(text) <= width:
        return text
    while text and font(size).getlength(text + "...") > width:
        text = text[:-1]
    return text.rstrip() + "..."


def _grid(example: Example, title: str, max_clips: int, *, stretched: bool = False) -> Image.Image:
    rows = _rows(clips_at(example, slice(max_clips)), HISTORY, STEPS, stretched=stretched)
    legend = _legend(rows.width)
    sheet = Image.new("RGB", (legend.width, TITLE + rows.height + legend.height), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, TITLE / 2 + 4), fitted(title, 19, sheet.width - 2 * MARGIN), INK, font(19), anchor="lm")
    sheet.paste(rows, (0, TITLE))
    sheet.paste(legend, (0, TITLE + rows.height))
    return sheet


def _rows(example: Example, history: int, max_steps: int, *, stretched: bool = False) -> Image.Image:
    scale = scale_to(TILE, example.target)
    past = example.history[:, -history:]
    steps = _shown_steps(example.target.shape[1], max_steps)
    before = past.shape[1]
    rows = [
        ("target", 0, np.concatenate([frame_tiles(past, scale), frame_tiles(example.target[:, steps], scale)], axis=1)),
        ("forecast", before, frame_tiles(example.forecast[:, steps], scale)),
        *([("stretched", before, frame_tiles(_stretched(example.forecast[:, steps]), scale))] if stretched else []),
        ("ghost", before, ghost_tiles(example, scale)[:, steps]),
    ]
    notes = {"stretched": _maxima(example)[:, steps], "ghost": _undefined(example)[:, steps]}
    height, width = (side * scale for side in example.target.shape[-2:])
    block = len(rows) * (height + GAP) + CLIP_GAP
    size = (2 * MARGIN + LABELS + (before + len(steps)) * (width + GAP), HEAD + len(example.clips) * block)
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    left, top = MARGIN + LABELS, HEAD
    _label_columns(draw, _time_labels(before, steps), left, width)
    for clip, clip_number in enumerate(example.clips):
        draw.text((MARGIN, top + height / 2), f"clip {clip_number}", INK, font(15), anchor="lm")
        for name, shift, tiles in rows:
            draw.text((left - 12, top + height / 2), name, FAINT, font(15), anchor="rm")
            _paste(sheet, tiles, clip, (left + shift * (width + GAP), top))
            for column, note in enumerate(notes[name][clip] if name in notes else ()):
                corner = left + (before + column) * (width + GAP) + 4, top + height - 4
                draw.text(corner, note, NOTE, font(11), anchor="ls")
            top += height + GAP
        top += CLIP_GAP
    return sheet


def _maxima(example: Example) -> Notes:
    return np.char.mod("max %.2f", example.forecast.max((2, 3)) / FULL)


def _undefined(example: Example) -> Notes:
    return np.where(np.isnan(ghost_map(example)).all((2, 3)), UNDEFINED, "")


def _stretched(frames: Clips) -> Clips:
    """Return the frames, each from black at its minimum to white at its maximum; a flat frame is black."""
    low, high = (bound((-2, -1), keepdims=True).astype(float) for bound in (frames.min, frames.max))
    stretched: Clips = np.rint(FULL * (frames - low) / np.maximum(high - low, 1)).astype(np.uint8)
    return stretched


def _shown_steps(steps: int, max_steps: int) -> list[int]:
    """Return the positions of the steps to show, first and last included."""
    return [round(step) for step in np.linspace(0, steps - 1, min(steps, max_steps))]


def _time_labels(before: int, steps: Sequence[int]) -> list[str]:
    past = [f"t-{lag}" if lag else "t" for lag in range(before - 1, -1, -1)]
    return past + [f"+{step + 1}" for step in steps]


def _label_columns(draw: ImageDraw.ImageDraw, labels: Sequence[str], left: int, width: int) -> None:
    for column, label in enumerate(labels):
        position = (left + column * (width + GAP) + width / 2, HEAD - 6)
        draw.text(position, label, INK if label.startswith("+") else FAINT, font(14), anchor="ms")


def _paste(sheet: Image.Image, tiles: Tiles, clip: int, corner: tuple[int, int]) -> None:
    for position in range(tiles.shape[1]):
        tile = Image.fromarray(tiles[clip, position])
        sheet.paste(tile, (corner[0] + position * (tile.width + GAP), corner[1]))


def _legend(width: int) -> Image.Image:
    """Return the meaning of the colors in lines of at most `width` pixels; wider only if a single entry is."""
    entries = _entries()
    longest = max(map(_length, entries))
    width = max(width, 2 * MARGIN + longest)
    left = MARGIN + LABELS if LABELS + longest <= width - 2 * MARGIN else MARGIN
    lines = _lines(entries, width - left - MARGIN)
    legend = Image.new("RGB", (width, LINE * len(lines) + FOOT), PAPER)
    draw = ImageDraw.Draw(legend)
    for number, line in enumerate(lines):
        x, top = left, LINE * number
        for swatch, text in line:
            legend.paste(Image.fromarray(swatch), (x, top))
            draw.text((x + SWATCH + TEXT_GAP, top + SWATCH // 2), text, FAINT, font(13), anchor="lm")
            x += _length((swatch, text)) + ENTRY_GAP
    return legend


def _entries() -> list[Entry]:
    gray = np.full((SWATCH, SWATCH, 3), round(DIM * FULL), np.uint8)
    ring = np.zeros((SWATCH, SWATCH, 3), np.uint8)
    ring[3:-3, 3:-3] = OUTLINE
    ring[4:-4, 4:-4] = 0
    return [
        *(_ghost_entry(ghost) for ghost in LEGEND_GHOSTS),
        (gray, "forecast"),
        (ring, "outline of the target digits at this step"),
    ]


def _ghost_entry(ghost: float) -> Entry:
    color = np.rint(ghost / FULL_GHOST * hatched(SWATCH, SWATCH)).astype(np.uint8)
    more = " or more" if ghost == FULL_GHOST else ""
    return color, f"where a digit was, the forecast is brighter by {ghost:g}{more} of the digits"


def _lines(entries: Sequence[Entry], width: int) -> list[list[Entry]]:
    """Return the entries in lines of at most `width` pixels; no entry alone may be wider."""
    lines: list[list[Entry]] = [[]]
    for entry in entries:
        width_so_far = sum(_length(placed) + ENTRY_GAP for placed in lines[-1])
        if lines[-1] and width_so_far + _length(entry) > width:
            lines.append([])
        lines[-1].append(entry)
    return lines


def _length(entry: Entry) -> int:
    return SWATCH + TEXT_GAP + ceil(font(13).getlength(entry[1]))


def _save(path: Path, image: Image.Image) -> None:
    with whole_file(path) as temporary:
        temporary.write_bytes(png(image))
