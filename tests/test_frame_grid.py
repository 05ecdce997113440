"""Pictures of forecasts: their size, and that the ghost in them is the one that is measured."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageChops

from ablate.components.data import MovingMNIST
from ablate.measurement.metrics.ghost_masks import ghost_masks
from ablate.report import frame_grid as grid
from ablate.report.tiles import OUTLINE, VERMILLION, frame_tiles, ghost_tiles, scale_to
from ablate.storage.records import Example


def example(*, clips=1, past=5, steps=3, ghost=255) -> Example:
    """Make a square that goes right by 6 pixels a frame; the forecast keeps its first position at `ghost`."""
    frames = np.zeros((clips, past + steps, 12, 64), np.uint8)
    for time in range(past + steps):
        frames[:, time, 4:8, 6 * time : 6 * time + 4] = 255
    forecast = frames[:, past:].copy()
    forecast[..., 4:8, :4] = ghost
    return Example(frames[:, :past], frames[:, past:], forecast, np.arange(len(frames)))


def size(path):
    with Image.open(path) as picture:
        return picture.size


@pytest.mark.parametrize(("side", "scale"), [(24, 4), (32, 3), (64, 2), (128, 1), (500, 1)])
def test_frames_are_enlarged_by_integer_factors(side, scale):
    assert scale_to(96, np.zeros((1, 1, side, side), np.uint8)) == scale


def test_every_pixel_becomes_a_square():
    frame = np.arange(4, dtype=np.uint8).reshape(1, 1, 2, 2)
    assert (frame_tiles(frame, 3)[0, 0, ..., 0] == np.kron(frame[0, 0], np.ones((3, 3)))).all()


def gray(tiles):
    """Return the luma of a picture as ITU-R BT.601 weighs it, the one of a black-and-white print."""
    return tiles @ np.array([0.299, 0.587, 0.114])


def parts(clips_example, scale):
    """Return the enlarged masks of a lone clip's ghost (a square at the left) and of its digits."""
    was, now = np.zeros(clips_example.target.shape[1:], bool), clips_example.target[0] > 0
    was[:, 4:8, :4] = True
    return (mask.repeat(scale, axis=-2).repeat(scale, axis=-1) for mask in (was, now))


def test_the_ghost_is_bright_where_the_digit_was():
    tiles = ghost_tiles(example(), 1)
    assert (tiles[0, :, 4:8, :4] == VERMILLION).all(axis=-1).any(axis=(1, 2)).all()


def test_only_stale_pixels_have_a_color():
    clips_example = example(clips=3)
    colorful = np.ptp(ghost_tiles(clips_example, 1).astype(int), axis=-1) > 0
    stale = ghost_masks(clips_example.target / np.float32(255), clips_example.history / np.float32(255)).stale
    assert colorful.any()
    assert not colorful[~stale].any()


def drawn_ghost(strength, haze):
    """Return how colorful the stale pixels of real clips are drawn, from 0 to 255, by the ghost planted in them."""
    frames = MovingMNIST(binarize=128).build(seed=0).held_out(4, 16)
    past = np.maximum.accumulate(frames, axis=1)[:, 9:-1]
    hazy = haze + (1 - haze) * np.maximum(frames[:, 10:], strength * past) / 255
    forecast = np.rint(255 * hazy).astype(np.uint8)
    tiles = ghost_tiles(Example(frames[:, :10], frames[:, 10:], forecast, np.arange(4)), 1).astype(float)
    stale = ghost_masks(frames[:, 10:] / np.float32(255), frames[:, :10] / np.float32(255)).stale
    return (tiles[..., 0] - tiles[..., 2])[stale].mean()


@pytest.mark.parametrize("haze", [0.0, 0.3])
def test_the_color_is_proportional_to_the_ghost_and_not_to_the_haze(haze):
    none, faint, strong = (drawn_ghost(strength, haze) for strength in (0.0, 0.05, 0.2))
    assert none < 0.1
    assert faint == pytest.approx(strong / 4, rel=0.1)
    assert strong == pytest.approx(0.2 / 0.3 * (255 - 30) * (1 + 0.3) / 2, rel=0.1)  # half of the pixels are gaps


def test_a_frame_without_a_ratio_has_no_color():
    faded = example()
    faded.forecast[:] = 3
    tiles = ghost_tiles(faded, 1).astype(int)
    assert (np.ptp(tiles, axis=-1) == 0).all()


@pytest.mark.parametrize(("brightness", "is_labeled"), [(40, False), (4, True)])
def test_a_frame_without_a_ratio_is_labeled(tmp_path, brightness, is_labeled):
    clips_example = example(past=8, ghost=0)
    np.minimum(clips_example.forecast, brightness, out=clips_example.forecast)
    grid.write_frame_grid(tmp_path / "a.png", clips_example, "a run")
    with Image.open(tmp_path / "a.png") as picture:
        colors = np.asarray(picture.convert("RGB")).astype(int)
    tile = scale_to(grid.TILE, clips_example.target) * 12 + grid.GAP
    top, left = grid.TITLE + grid.HEAD + 2 * tile, grid.MARGIN + grid.LABELS
    ghost_row = colors[top : top + tile - grid.GAP, left:]
    bluish = (ghost_row[..., 2] > ghost_row[..., 0]).any()  # the label is, frames are not
    assert bluish == is_labeled


def test_a_clean_forecast_has_no_ghost():
    tiles = ghost_tiles(example(ghost=0), 1)
    assert {tuple(color) for color in tiles.reshape(-1, 3)} == {(0, 0, 0), (140, 140, 140), OUTLINE}


def test_the_outline_surrounds_the_present_digit_without_covering_it():
    tiles = ghost_tiles(example(), 1)
    assert (tiles[0, 0, [3, 8], 30:34] == OUTLINE).all()
    assert (tiles[0, 0, 4:8, 30:34] == 140).all()


@pytest.mark.parametrize("scale", [2, 3, 6])
def test_without_color_the_ghost_has_stripes_and_the_outline_is_white(scale):
    clips_example = example(past=8)
    picture = gray(ghost_tiles(clips_example, scale)[0])
    ghost, digit = (picture[mask] for mask in parts(clips_example, scale))
    outline = picture[(picture > 250)]
    assert np.std(ghost) > 45  # levels of 255: every ghost is striped, whatever its brightness
    assert np.std(digit) == 0
    assert min(outline) - max(ghost.max(), digit.max()) > 100


def test_a_faint_ghost_keeps_its_stripes_without_color():
    clips_example = example(ghost=26)
    ghost, _ = parts(clips_example, 3)
    strokes = gray(ghost_tiles(clips_example, 3)[0])[ghost]
    assert np.ptp(strokes) > 25  # a ghost of 0.1


@pytest.mark.parametrize(("past", "steps", "columns"), [(5, 3, 7), (2, 3, 5), (5, 20, 16)])
def test_a_grid_has_one_column_per_time(tmp_path, past, steps, columns):
    frames = np.zeros((1, past + steps, 32, 32), np.uint8)
    grid.write_frame_grid(
        tmp_path / "a.png",
        Example(frames[:, :past], frames[:, past:], frames[:, past:], np.arange(len(frames))),
        "a run",
    )
    assert size(tmp_path / "a.png")[0] == 2 * grid.MARGIN + grid.LABELS + columns * (96 + grid.GAP)


def test_a_grid_grows_by_its_clips_up_to_three(tmp_path):
    heights = []
    for clips in (1, 2, 3, 4):
        grid.write_frame_grid(tmp_path / "a.png", example(clips=clips), "a run")
        heights.append(size(tmp_path / "a.png")[1])
    assert heights[2] - heights[1] == heights[1] - heights[0] > 0
    assert heights[3] == heights[2]


def test_a_clip_is_labeled_with_its_number(tmp_path):
    clips_example = example(clips=2)
    for number in (1, 17):
        grid.write_frame_grid(tmp_path / f"{number}.png", replace(clips_example, clips=np.array([0, number])), "a run")
    with Image.open(tmp_path / "1.png") as one, Image.open(tmp_path / "17.png") as other:
        box = ImageChops.difference(one, other).getbbox()
    assert box is not None
    left, top, right, bottom = box
    assert grid.MARGIN < left < right < grid.MARGIN + grid.LABELS
    assert top > size(tmp_path / "1.png")[1] / 2
    assert bottom - top < 20


def test_a_strip_has_fewer_columns_than_a_grid(tmp_path):
    clips_example = example(past=9, steps=12)
    grid.write_frame_grid(tmp_path / "a.png", clips_example, "a run")
    with Image.open(io.BytesIO(grid.clip_strip(clips_example))) as strip:
        assert strip.width == 2 * grid.MARGIN + grid.LABELS + (2 + 6) * (128 + grid.GAP)
        assert strip.width < size(tmp_path / "a.png")[0]


def test_a_forecast_without_a_history_is_drawn_from_its_first_step(tmp_path):
    grid.write_frame_grid(tmp_path / "a.png", example(past=0), "a run")
    assert size(tmp_path / "a.png")[0] == 2 * grid.MARGIN + grid.LABELS + 3 * (128 + grid.GAP)


def test_a_comparison_is_two_grids_of_one_clip(tmp_path):
    grid.write_frame_grid(tmp_path / "one.png", example(), "a run")
    grid.write_comparison(tmp_path / "two.png", example(clips=2), example(ghost=0), ("worst", "best"))
    wide, high = size(tmp_path / "one.png")
    assert size(tmp_path / "two.png") == (wide, 2 * high)


def test_a_dim_forecast_is_shown_stretched_too(tmp_path):
    dim = example()
    dim.forecast[:] //= 4
    grid.write_frame_grid(tmp_path / "one.png", example(), "a run")
    grid.write_comparison(tmp_path / "two.png", dim, example(ghost=0), ("worst", "best"))
    wide, high = size(tmp_path / "one.png")
    row = 2 * 12 + grid.GAP  # tiles are enlarged twice
    assert size(tmp_path / "two.png") == (wide, 2 * (high + row))
    with Image.open(tmp_path / "two.png") as picture:
        stretched = np.asarray(picture.convert("L"))[grid.TITLE + grid.HEAD + 2 * row :][: 2 * 12]
    tile = stretched[:, grid.MARGIN + grid.LABELS + 4 * (2 * 64 + grid.GAP) :][:, : 2 * 64]
    assert tile.max() == 255
    assert tile.min() == 0


@pytest.mark.parametrize("moments", [1, 3, 4, 12])
def test_the_legend_ends_before_the_right_edge(tmp_path, moments):
    frames = np.zeros((1, 2 * moments, 24, 24), np.uint8)
    clips_example = Example(frames[:, :moments], frames[:, moments:], frames[:, moments:], np.arange(1))
    grid.write_frame_grid(tmp_path / "a.png", clips_example, "a run")
    with Image.open(tmp_path / "a.png") as picture:
        drawn = 255 - np.asarray(picture.convert("L")).astype(int)
    below = drawn[grid.TITLE + grid.HEAD + 3 * (96 + grid.GAP) :]
    assert below.any()
    assert not below[:, -grid.MARGIN :].any()


def test_a_long_title_is_shortened():
    cut = grid.fitted("a very long title " * 40, 19, 300)
    assert cut.endswith("...")
    assert grid.font(19).getlength(cut) <= 300


def test_equal_frames_give_equal_bytes(tmp_path):
    for name in "ab":
        grid.write_frame_grid(tmp_path / name, example(), "a run")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
