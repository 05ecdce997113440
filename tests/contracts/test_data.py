"""What training and evaluation rely on, whatever the clips come from."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from ablate.components.data import DATA

FRAMES = 6


@pytest.fixture(params=DATA, ids=lambda data: data.__name__)
def spec(request, tmp_path):
    settings: dict[str, dict[str, Any]] = {
        "moving_mnist": {"train_clips": 12},
        "moving_mnist_file": {"path": str(tmp_path / "clips.npy"), "train_clips": 12, "verify_md5": False},
    }
    clips = np.random.default_rng(0).integers(0, 256, (20, 20, 64, 64), np.uint8)
    np.save(tmp_path / "clips.npy", clips)
    kind = request.param.model_fields["kind"].default
    return request.param(**settings[kind])


def test_clips_are_uint8_with_time_after_clip(spec):
    source = spec.build(0)
    for clips in (source.training(np.arange(5), FRAMES), source.held_out(5, FRAMES)):
        assert clips.dtype == np.uint8
        assert clips.shape == (5, FRAMES, 64, 64)


def test_clips_are_arrays_that_torch_can_take_over(spec):
    source = spec.build(0)
    for clips in (source.training(np.arange(5), FRAMES), source.held_out(5, FRAMES)):
        assert type(clips) is np.ndarray
        assert clips.flags.c_contiguous
        assert clips.flags.writeable


def test_the_same_seed_gives_the_same_clips(spec):
    first, second = (spec.build(1).training(np.arange(12), FRAMES) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_held_out_clips_are_the_same_for_every_seed(spec):
    first, second = (spec.build(seed).held_out(6, FRAMES) for seed in (1, 2))
    np.testing.assert_array_equal(first, second)


def test_no_held_out_clip_is_a_training_clip(spec):
    source = spec.build(0)
    training, held_out = source.training(np.arange(12), FRAMES), source.held_out(8, FRAMES)
    assert not {clip.tobytes() for clip in training} & {clip.tobytes() for clip in held_out}


def test_all_clips_differ(spec):
    assert len({clip.tobytes() for clip in spec.build(0).training(np.arange(12), FRAMES)}) == 12


def test_a_clip_does_not_depend_on_the_others_of_its_batch(spec):
    source = spec.build(0)
    together = source.training(np.arange(12), FRAMES)
    alone = [source.training(np.array([index]), FRAMES)[0] for index in (11, 0, 4)]
    np.testing.assert_array_equal(alone, together[[11, 0, 4]])


def test_fewer_held_out_clips_are_the_first_of_more(spec):
    source = spec.build(0)
    np.testing.assert_array_equal(source.held_out(3, FRAMES), source.held_out(8, FRAMES)[:3])


def test_the_training_size_is_that_of_the_spec(spec):
    assert spec.build(0).training_size == 12


def test_the_longest_clip_is_available(spec):
    longest = spec.longest_clip or 100
    assert spec.build(0).held_out(2, longest).shape[1] == longest


def test_data_is_described_without_torch():
    code = "import sys, ablate.components.data; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # the line above
