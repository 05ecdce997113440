import os
import pickle

import numpy as np
import pytest

from ablate.components.data import MovingMNISTFile, moving_mnist_file
from ablate.components.data.moving_mnist_file import md5_sum
from ablate.core.errors import DataError

PUBLISHED = np.random.default_rng(0).integers(0, 256, (20, 6, 64, 64), np.uint8)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "clips.npy"
    np.save(path, PUBLISHED)
    return path


def opened(path, **settings):
    return MovingMNISTFile(path=str(path), **({"train_clips": 4, "verify_md5": False} | settings)).build(0)


def test_training_clips_are_the_first_of_the_file(file):
    clips = opened(file).training(np.array([0, 3]), 7)
    np.testing.assert_array_equal(clips, [PUBLISHED[:7, 0], PUBLISHED[:7, 3]])


def test_held_out_clips_come_after_the_training_clips(file):
    np.testing.assert_array_equal(opened(file).held_out(2, 20), PUBLISHED[:, 4:].swapaxes(0, 1))


def test_no_held_out_clip_is_given_for_training(file):
    with pytest.raises(IndexError):
        opened(file).training(np.array([4]), 7)


def test_binarized_at_128_as_in_the_case(file):
    expected = np.where(PUBLISHED[:, 4:5].swapaxes(0, 1) >= 128, 255, 0)
    np.testing.assert_array_equal(opened(file, binarize=128).held_out(1, 20), expected)


def test_a_home_folder_is_found(file, monkeypatch):
    monkeypatch.setenv("HOME", str(file.parent))
    assert opened("~/clips.npy").held_out(1, 1).shape == (1, 1, 64, 64)


def test_a_relative_path_starts_at_the_current_folder(file, monkeypatch):
    monkeypatch.chdir(file.parent)
    assert opened("clips.npy").held_out(1, 1).shape == (1, 1, 64, 64)


def test_more_held_out_clips_than_are_left_are_refused(file):
    with pytest.raises(DataError, match="found 2 held-out clips after train_clips: 4, but the run needs 3"):
        opened(file).held_out(3, 20)


def test_longer_clips_than_the_file_has_are_refused(file):
    with pytest.raises(DataError, match="found clips of 20 frames, but the run needs 21"):
        opened(file).held_out(1, 21)


def test_a_training_set_that_leaves_nothing_is_refused(file):
    with pytest.raises(DataError, match="found 6 clips, but train_clips: 6 leaves none to hold out; lower train_clips"):
        opened(file, train_clips=6)


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (PUBLISHED.swapaxes(0, 1), r"uint8 of shape \(6, 20, 64, 64\)"),
        (PUBLISHED[..., :32], r"uint8 of shape \(20, 6, 64, 32\)"),
        (PUBLISHED[0], r"uint8 of shape \(6, 64, 64\)"),
        (PUBLISHED[:, :3].astype(np.float32), r"float32 of shape \(20, 3, 64, 64\)"),
    ],
)
def test_another_shape_or_type_is_refused(tmp_path, array, found):
    np.save(tmp_path / "other.npy", array)
    with pytest.raises(DataError, match=f"holds {found}; Moving MNIST is uint8 of shape"):
        opened(tmp_path / "other.npy")


def npy(header):
    text = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + bytes(1000)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>Not here</html>", id="a web page"),
        pytest.param(pickle.dumps([1, 2]), id="pickled"),
        pytest.param(npy("{'descr': '|O', 'fortran_order': False, 'shape': (20, 3, 64, 64), }"), id="objects"),
        pytest.param(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (20, 3, 64, 64), }"), id="cut short"),
        pytest.param(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (20, 3, 64, 64"), id="torn header"),
        pytest.param(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (20, -3, 64, 64), }"), id="negative"),
        pytest.param(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (" + "9" * 30 + ",), }"), id="huge"),
    ],
)
def test_what_is_no_whole_file_of_numbers_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "bad.npy"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"not a complete \.npy file") as error:
        opened(path)
    assert "\n" not in str(error.value)


def test_the_error_says_that_the_file_is_missing(tmp_path):
    with pytest.raises(DataError, match=r"none\.npy: No such file or directory; `ablate data fetch` downloads"):
        opened(tmp_path / "none.npy")


def test_an_unpublished_file_is_refused(file):
    with pytest.raises(DataError, match=f"its MD5 sum is {md5_sum(file)}, not be083ec986bfe91a449d63653c411eb2"):
        opened(file, verify_md5=True)


def test_the_published_file_is_accepted(file, monkeypatch):
    monkeypatch.setattr(moving_mnist_file, "MD5", md5_sum(file))
    assert opened(file, verify_md5=True).training_size == 4


def test_the_sum_is_computed_once_and_again_after_a_change(file, monkeypatch):
    monkeypatch.setattr(moving_mnist_file, "MD5", md5_sum(file))
    opened(file, verify_md5=True)
    with monkeypatch.context() as patch:
        patch.setattr(
            "ablate.components.data.moving_mnist_file.md5_sum", lambda path: pytest.fail(f"{path} was read again")
        )
        opened(file, verify_md5=True)
    np.save(file, PUBLISHED[:, ::-1])
    with pytest.raises(DataError, match="not Moving MNIST as published"):
        opened(file, verify_md5=True)


def test_no_other_file_is_written(file, monkeypatch):
    monkeypatch.setattr(moving_mnist_file, "MD5", md5_sum(file))
    opened(file, verify_md5=True)
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_pipe_or_folder_is_refused_at_once(tmp_path, make):
    make(tmp_path / "clips.npy")
    with pytest.raises(DataError, match="found a folder or a pipe"):
        opened(tmp_path / "clips.npy")
