"""Gray pictures of numbers beside each other."""

import textwrap
from collections.abc import Sequence

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw

from ablate.report.frame_grid import FAINT, INK, PAPER, font, png
from ablate.report.tiles import FULL, hatch, scale_to
from ablate.storage.findings import Image

TILE = 220  # pixels a side, about
WIDTH = 1040  # of the whole strip, at most, where a row has more than one
GAP, LINE, SCALE = 24, 18, 34
LETTER = 7.2  # pixels of a title's letter, about


def image_strip(images: Sequence[Image]) -> bytes:
    """Return a PNG of the images in rows, pixels enlarged, each with its title above and its gray scale below.

    Values below `low` are black and above `high` white. An undefined one is striped.
    """
    tiles = [_tile(image) for image in images]
    wide, high = max(tile.width for tile in tiles), max(tile.height for tile in tiles)
    titles = [textwrap.wrap(image.title, int(wide / LETTER)) for image in images]
    head = LINE * max(map(len, titles)) + 6
    a_row = min(len(images), max(1, (WIDTH + GAP) // (wide + GAP)))
    block = (wide + GAP, head + high + SCALE + GAP)
    sheet = Picture.new("RGB", (a_row * block[0] - GAP, -(-len(images) // a_row) * block[1] - GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    for position, (image, tile, lines) in enumerate(zip(images, tiles, titles, strict=True)):
        left, top = position % a_row * block[0], position // a_row * block[1]
        draw.text((left, top), "\n".join(lines), INK, font(13), spacing=4)
        sheet.paste(tile, (left, top + head))
        _scale(sheet, image, (left, top + head + tile.height + 8), tile.width)
    return png(sheet)


def _tile(image: Image) -> Picture.Image:
    values = np.array(image.values, dtype=float)
    factor = scale_to(TILE, values[None, None])
    large = values.repeat(factor, axis=0).repeat(factor, axis=1)
    span = image.high - image.low
    share = (large - image.low) / span if span else np.zeros_like(large)
    share = np.where(np.isnan(large), hatch(*large.shape), share.clip(0, 1))
    return Picture.fromarray(np.rint(share * FULL).astype(np.uint8))


def _scale(sheet: Picture.Image, image: Image, corner: tuple[int, int], wide: int) -> None:
    left, top = corner
    ramp = np.linspace(0, FULL, wide).astype(np.uint8)[None].repeat(6, axis=0)
    sheet.paste(Picture.fromarray(ramp), corner)
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((left, top, left + wide - 1, top + 5), outline=FAINT)
    draw.text((left, top + 10), f"{image.low:g}", FAINT, font(12))
    draw.text((left + wide, top + 10), f"{image.high:g}", FAINT, font(12), anchor="ra")
