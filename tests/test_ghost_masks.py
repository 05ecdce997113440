import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.distance import cdist

from ablate.components.data import MovingMNIST
from ablate.measurement.metrics.ghost_masks import LONGEST_LAG, MARGIN, ghost_masks, halo_level, near, past_of

CONTEXT, STEPS = 6, 14


@pytest.fixture(scope="module", params=[32, 64])
def clips(request):
    """Return (truth, history) of gray clips."""
    frames = MovingMNIST(frame_size=request.param).build(seed=0).held_out(4, CONTEXT + STEPS).astype(np.float32) / 255
    return frames[:, CONTEXT:], frames[:, :CONTEXT]


def test_no_pixel_is_of_two_kinds(clips):
    masks = ghost_masks(*clips)
    assert not (masks.present & masks.stale).any()
    assert not (masks.present & masks.control).any()
    assert not (masks.stale & masks.control).any()


def test_near_is_two_steps_of_a_king():
    marked = np.random.default_rng(0).random((1, 2, 24, 23)) < 0.01
    pixels = np.argwhere(np.ones(marked.shape[2:]))
    for step in range(2):
        nearest = cdist(pixels, np.argwhere(marked[0, step]), "chebyshev").min(1).reshape(24, 23)
        np.testing.assert_array_equal(near(marked)[0, step], nearest <= MARGIN)


def test_each_mask_agrees_with_its_definition(clips):
    target, history = clips
    masks, frames = ghost_masks(target, history), np.concatenate([history, target], axis=1)
    for step in range(STEPS):
        earlier, ink = frames[:, : CONTEXT + step], ndimage.maximum_filter(target[:, step] > 0, (1, 5, 5))
        np.testing.assert_array_equal(masks.present[:, step], target[:, step] >= 0.5)
        np.testing.assert_array_equal(masks.stale[:, step], (earlier >= 0.5).any(1) & ~ink)
        np.testing.assert_array_equal(masks.control[:, step], (earlier == 0).all(1) & ~ink)


def past_pixel_by_pixel(earlier):
    """Return what one pixel showed: its brightest, its brightness when last lit, and how long ago that was."""
    lit = np.flatnonzero(earlier >= 0.5)
    since = earlier[lit[-1] + 1 :] if len(lit) else earlier
    known = len(lit) and not since.any() and len(since) < LONGEST_LAG
    return earlier.max(), earlier[lit[-1]] if len(lit) else 0, len(since) + 1 if known else 0


def test_the_past_is_what_each_pixel_showed():
    draw = np.random.default_rng(0)
    frames = draw.random((2, 30, 5, 6)) * (draw.random((2, 30, 5, 6)) < 0.08)
    past = past_of(frames[:, 4:], frames[:, :4])
    for clip, step, row, column in np.ndindex(*past.age.shape):
        shown = (values[clip, step, row, column] for values in (past.brightest, past.last_lit, past.age))
        assert tuple(shown) == past_pixel_by_pixel(frames[clip, : 4 + step, row, column])
    assert past.age.max() == LONGEST_LAG


def test_the_halo_is_a_gaussian_blur_in_half_octaves(clips):
    target = clips[0].astype(float)
    light = ndimage.gaussian_filter(target, (0, 0, 2.5, 2.5), mode="constant", truncate=30)
    expected = np.floor(np.clip(-2 * np.log2(light), 0, 20))
    assert (halo_level(target) == expected).mean() > 0.9999  # light on the very edge of a level may fall on either side


def test_halo_levels_are_counted_from_a_lit_frame_to_a_dark_one():
    assert (halo_level(np.zeros((1, 1, 9, 9))) == 20).all()
    assert halo_level(np.ones((1, 1, 41, 41)))[0, 0, 20, 20] == 0
