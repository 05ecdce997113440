"""Animations of forecasts: target, forecast and ghost map side by side."""

import importlib.util
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ablate.core.errors import AblateError, DataError
from ablate.report.frame_grid import FAINT, GAP, INK, MARGIN, PAPER, font
from ablate.report.tiles import Tiles, frame_tiles, ghost_tiles, scale_to
from ablate.storage.atomic import whole_file
from ablate.storage.records import Example

TILE, SMALL_TILE = 168, 112  # pixels per side, approximately
HEAD, FOOT = 34, 34
ENCODER = ("imageio", "av")
COLORS, FEW_COLORS = 64, 32  # of a GIF's palette; fewer for a small file
SECONDS_PER_FRAME = 0.35
PAUSE = 1.2  # seconds on the last frame of a GIF, before it starts again


def write_animation(path: Path, example: Example) -> None:
    """Write an animation of the first clip: target, forecast and ghost map side by side, the step below.

    It starts with the history, while forecast and ghost map are dark. The ghost's colors are those of ghost_tiles. The
    suffix .gif gives a GIF that loops, .mp4 an H.264 video that browsers play. Raises the errors of check_animation.
    """
    check_animation(path)
    pictures = _pictures(example)
    with whole_file(path) as temporary:
        temporary.write_bytes(_mp4(pictures) if _is_video(path) else _gif(pictures, COLORS))


def check_animation(path: Path) -> None:
    """Raise DataError for any other suffix, AblateError for a video if the `video` extra is not installed."""
    if not _is_video(path) and path.suffix.lower() != ".gif":
        raise DataError(f"{path}: found the suffix {path.suffix!r}; an animation must be a .gif or a .mp4")
    if _is_video(path) and any(importlib.util.find_spec(package) is None for package in ENCODER):
        raise AblateError(
            f"{path}: a video needs imageio with PyAV: pip install 'ablate-convlstm[video]', or use a .gif"
        )


def _is_video(path: Path) -> bool:
    return path.suffix.lower() == ".mp4"


def small_gif(example: Example) -> bytes:
    """Return the GIF of write_animation in fewer pixels and colors, for a page."""
    return _gif(_pictures(example, SMALL_TILE), FEW_COLORS)


def _pictures(example: Example, tile: int = TILE) -> list[Image.Image]:
    scale = scale_to(tile, example.target)
    dark = np.zeros_like(example.history)
    panels = {
        "target": frame_tiles(np.concatenate([example.history, example.target], axis=1), scale),
        "forecast": frame_tiles(np.concatenate([dark, example.forecast], axis=1), scale),
        "ghost": np.concatenate([frame_tiles(dark, scale), ghost_tiles(example, scale)], axis=1),
    }
    past, steps = example.history.shape[1], example.target.shape[1]
    captions = [f"history t-{lag}" if lag else "history t" for lag in range(past - 1, -1, -1)]
    captions += [f"forecast step {step} of {steps}" for step in range(1, steps + 1)]
    return [_picture(panels, position, caption) for position, caption in enumerate(captions)]


def _picture(panels: dict[str, Tiles], position: int, caption: str) -> Image.Image:
    height, width = panels["target"].shape[2:4]
    sheet = Image.new("RGB", (2 * MARGIN + len(panels) * (width + GAP) - GAP, HEAD + height + FOOT), PAPER)
    draw = ImageDraw.Draw(sheet)
    for column, (name, tiles) in enumerate(panels.items()):
        left = MARGIN + column * (width + GAP)
        draw.text((left + width / 2, HEAD / 2), name, INK, font(16), anchor="mm")
        sheet.paste(Image.fromarray(tiles[0, position]), (left, HEAD))
    draw.text((sheet.width / 2, HEAD + height + FOOT / 2), caption, FAINT, font(16), anchor="mm")
    return sheet


def _gif(pictures: Sequence[Image.Image], colors: int) -> bytes:
    first, *following = (picture.quantize(colors, dither=Image.Dither.NONE) for picture in pictures)
    duration = [round(1000 * SECONDS_PER_FRAME)] * len(following) + [round(1000 * PAUSE)]
    content = io.BytesIO()
    first.save(content, "GIF", save_all=True, append_images=following, duration=duration, loop=0)
    return content.getvalue()


def _mp4(pictures: Sequence[Image.Image]) -> bytes:
    import imageio.v3 as imageio  # noqa: PLC0415  # an optional extra

    frames = np.stack([_even(np.asarray(picture)) for picture in pictures])
    video: bytes = imageio.imwrite(
        "<bytes>",
        frames,
        extension=".mp4",
        plugin="pyav",
        codec="libx264",
        fps=1 / SECONDS_PER_FRAME,
        out_pixel_format="yuv420p",
    )
    return video


def _even(picture: np.ndarray) -> np.ndarray:
    """Return the picture with an even number of rows and columns, which yuv420p requires."""
    height, width = picture.shape[:2]
    return np.pad(picture, [(0, height % 2), (0, width % 2), (0, 0)], mode="edge")
