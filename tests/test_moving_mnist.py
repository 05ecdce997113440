import numpy as np
import pytest
import torch
from pydantic import ValidationError

from ablate.components.data import MovingMNIST
from ablate.components.data.batches import as_video, batches
from ablate.components.data.digits import digits
from ablate.components.data.moving_mnist import _bounced, _rendered

CPU = torch.device("cpu")


def corner(frame):
    """Return the first lit row and column."""
    return np.array([np.flatnonzero(frame.any(axis=axis))[0] for axis in (1, 0)])


def corners(clip):
    return np.array([corner(frame) for frame in clip])


def test_a_digit_stops_at_the_wall_and_turns_back():
    path = _bounced(np.array([[0.75]]), np.array([[0.2]]), 4)
    np.testing.assert_allclose(path, [[[0.95, 1.0, 0.8, 0.6]]])


def test_a_digit_turns_back_at_the_lower_wall_too():
    path = _bounced(np.array([[0.25]]), np.array([[-0.2]]), 4)
    np.testing.assert_allclose(path, [[[0.05, 0.0, 0.2, 0.4]]])


def test_every_frame_holds_one_whole_test_digit():
    clips = MovingMNIST(digits=1).build(0).held_out(40, 12)
    inks = {int(image.sum()) for image in digits("test", 28)}
    frames = clips.sum(axis=(2, 3), dtype=int)
    assert (frames == frames[:, :1]).all()
    assert set(frames[:, 0]) <= inks


def test_training_clips_hold_training_digits():
    clips = MovingMNIST(digits=1).build(0).training(np.arange(40), 2)
    cropped = {clip[0][clip[0].any(axis=1)].tobytes() for clip in clips}
    assert len(cropped) == 40
    inks = {int(image.sum()) for image in digits("train", 28)}
    assert set(clips[:, 0].sum(axis=(1, 2), dtype=int)) <= inks


def test_where_digits_overlap_the_greater_ink_shows():
    images = np.array([[[[1, 9], [3, 4]], [[5, 6], [7, 8]]]], np.uint8)
    rows, columns = np.array([[[0], [1]]]), np.array([[[0], [0]]])
    np.testing.assert_array_equal(_rendered(images, rows, columns, 4)[0, 0], np.array([
        [1, 9, 0, 0],
        [5, 6, 0, 0],
        [7, 8, 0, 0],
        [0, 0, 0, 0],
    ]))  # fmt: skip


@pytest.mark.parametrize(
    ("frame_size", "digit_size", "side"), [(24, None, 10), (24, 16, 16), (64, None, 28), (64, 20, 20)]
)
def test_digits_have_the_size_that_is_set(frame_size, digit_size, side):
    spec = MovingMNIST(frame_size=frame_size, digit_size=digit_size, digits=1)
    frames = spec.build(0).held_out(40, 1)[:, 0]
    images = {image.tobytes() for image in digits("test", side)}
    for frame in frames:
        row, column = corner(frame)
        windows = {
            frame[top : top + side, left : left + side].tobytes()
            for top in range(max(0, row - side), row + 1)
            for left in range(max(0, column - side), column + 1)
        }
        assert windows & images


def test_a_digit_needs_room_to_move():
    with pytest.raises(ValidationError, match="digit_size: found 24; must be less than frame_size, 24"):
        MovingMNIST(frame_size=24, digit_size=24)


def test_a_second_digit_leaves_the_first_where_it_was():
    one_digit, two_digits = (MovingMNIST(digits=count).build(0).held_out(30, 10) for count in (1, 2))
    assert (two_digits >= one_digit).all()
    assert (two_digits > one_digit).any(axis=(1, 2, 3)).all()


def test_a_free_digit_goes_one_step_a_frame():
    clips = MovingMNIST(digits=1, step=0.02).build(0).held_out(300, 11)
    paths = np.array([corners(clip) for clip in clips])
    moved = np.linalg.norm(paths[:, -1] - paths[:, 0], axis=1)
    # Ten steps of 0.02 x 36 pixels, give or take less than a pixel an axis for whole pixels; some meet a wall.
    assert moved.max() < 7.2 + np.sqrt(2)
    assert np.median(moved) == pytest.approx(7.2, abs=0.5)


def test_directions_are_uniform():
    clips = MovingMNIST(digits=1, step=0.1).build(0).held_out(1500, 2)
    moves = np.array([corner(clip[1]) - corner(clip[0]) for clip in clips])
    moves = moves[np.linalg.norm(moves, axis=1) > 2]
    turns = np.exp(1j * np.arctan2(moves[:, 0], moves[:, 1]))
    # The mean of n uniform unit vectors is longer than 3 / sqrt(n) once in 8,000 times.
    assert abs(turns.mean()) < 3 / np.sqrt(len(turns))
    assert abs((turns**2).mean()) < 3 / np.sqrt(len(turns))


def test_digits_start_anywhere():
    # All of the 37 x 37 places are drawn from, the mean one being in the middle; ink starts a few pixels inside.
    clips = MovingMNIST(digits=1, step=0.001).build(0).held_out(2000, 1)[:, 0].astype(float)
    mean = clips.mean(axis=0)
    rows, columns = (np.average(np.arange(64), weights=mean.sum(axis=axis)) for axis in (1, 0))
    assert rows == pytest.approx(31.5, abs=1)
    assert columns == pytest.approx(31.5, abs=1)
    # sigma of a uniform corner over 36 pixels is 10.4; the digit's own spread adds a little
    spread = np.sqrt(np.average((np.arange(64) - rows) ** 2, weights=mean.sum(axis=1)))
    assert 10.4 < spread < 13


def test_the_ink_is_that_of_moving_mnist():
    # Two digits of mean 0.1307 on 28 x 28 of 64 x 64 pixels cover 0.0500 where they never overlap.
    clips = MovingMNIST().build(0).held_out(500, 10)
    assert clips.mean() / 255 == pytest.approx(0.049, abs=0.001)


def test_a_clip_does_not_depend_on_other_clips_of_its_batch():
    source = MovingMNIST(frame_size=32).build(3)
    together = source.training(np.arange(20), 8)
    for indices in ([7], [19, 0], [5, 5, 4]):
        np.testing.assert_array_equal(source.training(np.array(indices), 8), together[indices])


def test_every_seed_has_different_training_clips():
    clips = [MovingMNIST(frame_size=32).build(seed).training(np.arange(20), 4) for seed in (0, 1)]
    assert not {clip.tobytes() for clip in clips[0]} & {clip.tobytes() for clip in clips[1]}


def test_a_shorter_clip_is_the_start_of_a_longer_one():
    source = MovingMNIST(frame_size=32).build(3)
    np.testing.assert_array_equal(source.held_out(5, 6), source.held_out(5, 30)[:, :6])


def test_few_training_clips_are_the_first_of_many():
    few, many = (
        MovingMNIST(frame_size=16, train_clips=count).build(1).training(np.arange(4), 5) for count in (4, None)
    )
    np.testing.assert_array_equal(few, many)


def test_no_training_clip_beyond_the_last_is_given():
    with pytest.raises(IndexError, match="training clip 4 of 4"):
        MovingMNIST(train_clips=4).build(0).training(np.arange(5), 2)


def test_binarized_frames_are_the_gray_ones_cut_at_the_threshold():
    gray, cut = (MovingMNIST(binarize=threshold).build(0).held_out(10, 5) for threshold in (None, 128))
    np.testing.assert_array_equal(cut, np.where(gray >= 128, 255, 0))


@pytest.mark.parametrize(("frame_size", "side"), [(16, 7), (24, 10), (32, 14), (64, 28), (128, 28)])
def test_digits_keep_their_share_of_the_frame_but_have_at_most_28_pixels(frame_size, side):
    assert MovingMNIST(frame_size=frame_size).digit_side == side


@pytest.mark.parametrize(
    "wrong",
    [
        {"frame_size": 15},
        {"frame_size": 129},
        {"digits": 0},
        {"digits": 5},
        {"step": 0.0},
        {"step": 1.5},
        {"binarize": 0},
        {"binarize": 256},
        {"train_clips": 0},
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValidationError):
        MovingMNIST(**wrong)


def test_an_epoch_shows_every_clip_once_and_its_last_batch_is_short():
    source = MovingMNIST(frame_size=16, train_clips=95).build(0)
    stream = batches(source, 3, 16, 0, CPU)
    epoch = [next(stream) for _ in range(6)]
    assert [len(batch) for batch in epoch] == [16] * 5 + [15]
    clips_read = sorted(clip.numpy().tobytes() for batch in epoch for clip in batch)
    assert clips_read == sorted(clip.tobytes() for clip in source.training(np.arange(95), 3))


def test_every_epoch_has_a_different_order():
    stream = batches(MovingMNIST(frame_size=16, train_clips=32).build(0), 3, 32, 0, CPU)
    assert not torch.equal(next(stream), next(stream))


def test_the_order_of_an_epoch_comes_from_the_seed():
    source = MovingMNIST(frame_size=16, train_clips=32).build(0)
    first, again, another_seed = (next(batches(source, 3, 32, seed, CPU)) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, another_seed)


def test_endless_clips_come_in_order():
    source = MovingMNIST(frame_size=16).build(0)
    stream = batches(source, 3, 4, 0, CPU)
    clips_read = torch.cat([next(stream) for _ in range(3)])
    np.testing.assert_array_equal(clips_read.numpy(), source.training(np.arange(12), 3))


def test_a_video_has_one_channel_and_lies_between_0_and_1():
    video = as_video(torch.tensor([[[[0, 51, 255]]]], dtype=torch.uint8))
    assert video.shape == (1, 1, 1, 1, 3)
    torch.testing.assert_close(video.flatten(), torch.tensor([0.0, 0.2, 1.0]))
