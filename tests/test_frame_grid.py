"""Pictures of forecasts: their size, and that the ghost in them is the one that is measured."""

import numpy as np
import pytest
from PIL import Image

from ablate.records import Example
from ablate.report import frame_grid as grid
from ablate.report.animation import PAUSE, SECONDS_A_FRAME, write_animation
from ablate.report.tiles import OUTLINE, VERMILLION, frame_tiles, ghost_tiles, scale_to


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
def test_frames_are_enlarged_by_whole_factors(side, scale):
    assert scale_to(96, np.zeros((1, 1, side, side), np.uint8)) == scale


def test_every_pixel_becomes_a_square():
    frame = np.arange(4, dtype=np.uint8).reshape(1, 1, 2, 2)
    assert (frame_tiles(frame, 3)[0, 0, ..., 0] == np.kron(frame[0, 0], np.ones((3, 3)))).all()


def test_the_ghost_is_bright_where_the_digit_was():
    tiles = ghost_tiles(example(), 1)
    assert (tiles[0, :, 5, 1] == VERMILLION).all()


def test_half_a_ghost_is_half_as_bright():
    assert ghost_tiles(example(ghost=128), 1)[0, 0, 5, 1, 0] == round(VERMILLION[0] * 128 / 255)


def test_a_clean_forecast_has_no_ghost():
    tiles = ghost_tiles(example(ghost=0), 1)
    assert {tuple(colour) for colour in tiles.reshape(-1, 3)} == {(0, 0, 0), OUTLINE}


def test_the_outline_is_that_of_the_digit_now():
    assert (ghost_tiles(example(), 1)[0, 0, 4, 30:34] == OUTLINE).all()


@pytest.mark.parametrize(("past", "steps", "columns"), [(5, 3, 7), (2, 3, 5), (5, 20, 16)])
def test_a_grid_has_a_column_a_moment(tmp_path, past, steps, columns):
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


def test_a_comparison_is_two_grids_of_one_clip(tmp_path):
    grid.write_frame_grid(tmp_path / "one.png", example(), "a run")
    grid.write_comparison(tmp_path / "two.png", example(clips=2), example(ghost=0), ("worst", "best"))
    wide, high = size(tmp_path / "one.png")
    assert size(tmp_path / "two.png") == (wide, 2 * high)


def test_a_title_too_long_is_cut_to_fit():
    cut = grid.fitted("a very long title " * 40, 19, 300)
    assert cut.endswith("...")
    assert grid.font(19).getlength(cut) <= 300


def test_the_animation_has_a_frame_a_moment_and_loops(tmp_path):
    write_animation(tmp_path / "a.gif", example(past=5, steps=3))
    with Image.open(tmp_path / "a.gif") as picture:
        assert (picture.n_frames, picture.info["loop"]) == (8, 0)
        assert picture.info["duration"] == round(1000 * SECONDS_A_FRAME)
        picture.seek(7)
        assert picture.info["duration"] == round(1000 * PAUSE)


@pytest.mark.parametrize(
    "write",
    [lambda path: grid.write_frame_grid(path, example(), "a run"), lambda path: write_animation(path, example())],
)
def test_equal_frames_give_equal_bytes(tmp_path, write):
    write(tmp_path / "a")
    write(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
