"""Forecasts in motion: every moment is a frame, and a browser can play it."""

import importlib.util
import io

import imageio.v3 as imageio
import numpy as np
import pytest
from PIL import Image

from ablate.core.errors import AblateError, DataError
from ablate.report.animation import PAUSE, SECONDS_PER_FRAME, check_animation, small_gif, write_animation
from ablate.storage.records import Example


def frame_count(picture):
    return picture.n_frames


def example(*, past=5, steps=3, side=21) -> Example:
    """Make a square that goes right by 2 pixels a frame; three panels of it have an odd number of columns."""
    frames = np.zeros((1, past + steps, side, side), np.uint8)
    for time in range(past + steps):
        frames[:, time, 4:8, 2 * time : 2 * time + 4] = 255
    return Example(frames[:, :past], frames[:, past:], frames[:, past:], np.arange(1))


def test_a_gif_has_one_frame_per_time_and_loops(tmp_path):
    write_animation(tmp_path / "a.gif", example())
    with Image.open(tmp_path / "a.gif") as picture:
        assert (frame_count(picture), picture.info["loop"]) == (8, 0)
        assert picture.info["duration"] == round(1000 * SECONDS_PER_FRAME)
        picture.seek(7)
        assert picture.info["duration"] == round(1000 * PAUSE)


def test_the_step_is_counted_below_the_frames(tmp_path):
    still = np.zeros((1, 4, 21, 21), np.uint8)
    write_animation(tmp_path / "a.gif", Example(still[:, :1], still[:, :3], still[:, :3], np.arange(1)))
    with Image.open(tmp_path / "a.gif") as picture:
        assert frame_count(picture) == 4  # Pillow joins frames that are equal, and here only the counter differs


@pytest.mark.parametrize("name", ["a.mp4", "a.MP4"])
def test_a_video_decodes_to_one_frame_per_time(tmp_path, name):
    write_animation(tmp_path / name, example())
    frames = imageio.imread((tmp_path / name).read_bytes(), extension=".mp4", plugin="pyav")
    assert len(frames) == 8


def test_a_video_is_what_browsers_play(tmp_path):
    write_animation(tmp_path / "a.mp4", example())
    found = imageio.immeta(tmp_path / "a.mp4", plugin="pyav")
    high, wide = imageio.improps(tmp_path / "a.mp4", plugin="pyav").shape[1:3]
    assert (found["codec"], found["video_format"]) == ("h264", "yuv420p")
    assert (high % 2, wide % 2) == (0, 0)


def test_a_video_shows_what_the_gif_shows(tmp_path):
    write_animation(tmp_path / "a.mp4", example())
    write_animation(tmp_path / "a.gif", example())
    last = imageio.imread(tmp_path / "a.mp4", index=7, plugin="pyav").astype(float)
    with Image.open(tmp_path / "a.gif") as picture:
        picture.seek(7)
        still = np.asarray(picture.convert("RGB"), dtype=float)
    high, wide = still.shape[:2]
    assert np.abs(last[:high, :wide] - still).mean() < 5


def test_without_pyav_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(AblateError, match=r"pip install 'ablate-convlstm\[video\]'"):
        write_animation(tmp_path / "a.mp4", example())


def test_equal_frames_give_equal_bytes(tmp_path):
    for name in ("a.gif", "b.gif"):
        write_animation(tmp_path / name, example())
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()


def test_the_gif_of_a_page_has_the_same_frames_and_fewer_bytes(tmp_path):
    write_animation(tmp_path / "a.gif", example())
    small = small_gif(example())
    with Image.open(io.BytesIO(small)) as picture:
        assert frame_count(picture) == 8
    assert len(small) < (tmp_path / "a.gif").stat().st_size


def test_a_forecast_without_a_history_starts_at_its_first_step(tmp_path):
    write_animation(tmp_path / "a.gif", example(past=0))
    with Image.open(tmp_path / "a.gif") as picture:
        assert frame_count(picture) == 3


def test_a_path_of_another_kind_is_refused_before_anything_is_drawn(tmp_path):
    with pytest.raises(DataError, match=r"a.avi: found the suffix '.avi'; an animation must be a .gif or a .mp4"):
        check_animation(tmp_path / "a.avi")
