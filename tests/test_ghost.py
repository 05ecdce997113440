import numpy as np
import pytest
from scipy import ndimage

from ablate.components.data import MovingMNIST
from ablate.measurement.metrics import Ghost


def strips(*rows):
    """Return one clip whose frames are single rows of pixels, written as {column: brightness}, 20 wide."""
    frames = np.zeros((1, len(rows), 1, 20))
    for time, row in enumerate(rows):
        frames[0, time, 0, list(row)] = list(row.values())
    return frames


def scores_of_strips(forecast, target, *history):
    """Return the measures of one forecast step as plain numbers."""
    values = Ghost().per_frame(strips(forecast), strips(target), strips(*history))
    return {name: value.item() for name, value in values.items()}


# Worked out by hand: the digit was at column 2 and is at 8, so column 14 is as far from it as column 2.


def test_the_ghost_is_the_past_over_a_control_at_its_distance():
    scores = scores_of_strips({2: 0.5, 8: 0.8, 14: 0.1}, {8: 1.0}, {2: 1.0})
    assert scores["ghost_ratio"] == pytest.approx((0.5 - 0.1) / (0.8 - 0.1))


def test_a_digit_needs_three_standard_deviations_of_the_control():
    # columns 11 to 19 without ink: one of 0.3 and eight of 0 have a standard deviation of 0.0943
    noisy = {2: 0.05, 17: 0.3}
    faint, clear = (scores_of_strips(noisy | {8: digit}, {8: 1.0}, {2: 1.0}) for digit in (0.15, 0.4))
    assert np.isnan(faint["ghost_ratio"])
    assert clear["ghost_ratio"] == pytest.approx(0.05 / 0.4)


def test_retention_is_relative_to_the_target_brightness():
    scores = scores_of_strips({2: 0.5, 8: 0.4, 14: 0.1}, {8: 0.8}, {2: 1.0})
    assert scores["signal_retention"] == pytest.approx(0.4 / 0.8)


def test_the_control_has_the_distances_of_the_past():
    # columns 2 and 4 are 6 and 4 away from 8, as 14 and 12 are
    scores = scores_of_strips({2: 0.5, 4: 0.3, 8: 1.0, 12: 0.2, 14: 0.1}, {8: 1.0}, {4: 1.0}, {2: 1.0})
    assert scores["ghost_ratio"] == pytest.approx(((0.5 + 0.3) / 2 - (0.2 + 0.1) / 2) / (1 - (0.2 + 0.1) / 2))


def test_a_distance_without_control_is_left_out():
    # column 14 had ink, too faint to be lit: neither past nor control, so column 2 has nothing to compare with
    scores = scores_of_strips({2: 0.9, 4: 0.3, 8: 1.0, 12: 0.2}, {8: 1.0}, {2: 1.0, 4: 1.0, 14: 0.3})
    assert scores["ghost_ratio"] == pytest.approx((0.3 - 0.2) / (1 - 0.2))


def test_without_any_control_it_is_undefined():
    scores = scores_of_strips({2: 0.9, 8: 1.0}, {8: 1.0}, {2: 1.0, 14: 0.3})
    assert np.isnan(scores["ghost_ratio"])
    assert np.isnan(scores["visible_share"])


def test_without_a_past_it_is_undefined():
    assert np.isnan(scores_of_strips({8: 1.0}, {8: 1.0}, {8: 1.0})["ghost_ratio"])


def test_without_a_digit_nothing_is_relative_to_it():
    scores = scores_of_strips({2: 0.9}, {}, {2: 1.0})
    assert np.isnan(
        [scores[name] for name in ("ghost_ratio", "signal_retention", "trail_lag_01", "visible_share")]
    ).all()


def test_brightness_within_two_pixels_belongs_to_the_digit():
    scores = scores_of_strips({6: 0.9, 8: 1.0}, {8: 1.0}, {6: 1.0, 5: 1.0})
    assert scores["ghost_ratio"] == 0


def test_the_visible_share_counts_pixels_a_tenth_of_the_digits_above_their_control():
    # the digit exceeds its control by 0.5: 0.04 above it is not visible, 0.06 is
    scores = scores_of_strips({2: 0.24, 4: 0.26, 8: 0.7, 12: 0.2, 14: 0.2}, {8: 1.0}, {2: 1.0, 4: 1.0})
    assert scores["visible_share"] == 0.5


def test_earlier_forecast_steps_are_the_past_too():
    scores = Ghost().per_frame(strips({4: 1.0}, {4: 0.4, 10: 1.0}), strips({4: 1.0}, {10: 1.0}), strips())
    assert scores["ghost_ratio"][0, 1] == pytest.approx(0.4)
    assert np.isnan(scores["ghost_ratio"][0, 0])


def ghost_ratio_pixel_by_pixel(forecast, target, earlier):
    """Return the ghost ratio of one frame, straight from its definition."""
    light = ndimage.gaussian_filter(target, 2.5, mode="constant", truncate=20)
    near = ndimage.maximum_filter(target > 0, 5, mode="constant")
    stale: dict[int, list[tuple[float, float]]] = {}
    control: dict[int, list[tuple[float, float]]] = {}
    for pixel in map(tuple, np.argwhere(~near)):
        brightest = max(frame[pixel] for frame in earlier)
        group = stale if brightest >= 0.5 else control if brightest == 0 else None
        if group is not None:
            level = min(int(-2 * np.log2(light[pixel])), 20)
            group.setdefault(level, []).append((forecast[pixel], brightest))
    pairs = [(p - np.mean(control[k], 0)[0], b) for k in stale if k in control for p, b in stale[k]]
    excess, brightest = np.mean(pairs, 0)
    matched = np.mean([np.mean(control[k], 0)[0] for k in stale if k in control for _ in stale[k]])
    present = target >= 0.5
    return (excess / brightest) / ((forecast[present].mean() - matched) / target[present].mean())


def test_it_agrees_with_its_definition_pixel_by_pixel():
    frames = MovingMNIST(frame_size=32).build(seed=0).held_out(3, 9).astype(float) / 255
    forecast = np.clip(0.7 * frames[:, 5:] + 0.5 * np.random.default_rng(0).random(frames[:, 5:].shape), 0, 1)
    ratio = Ghost().per_frame(forecast, frames[:, 5:], frames[:, :5])["ghost_ratio"]
    for clip, step in np.ndindex(*ratio.shape):
        earlier = frames[clip, : 5 + step]
        expected = ghost_ratio_pixel_by_pixel(forecast[clip, step], frames[clip, 5 + step], earlier)
        assert ratio[clip, step] == pytest.approx(expected, rel=1e-9)


def test_chunks_of_clips_have_the_scores_of_single_clips():
    frames = MovingMNIST(frame_size=64).build(seed=0).held_out(12, 14).astype(np.float32) / 255
    forecast, target, history = ndimage.gaussian_filter(frames[:, 10:], (0, 0, 1, 1)), frames[:, 10:], frames[:, :10]
    together = Ghost().per_frame(forecast, target, history)
    for clip in range(12):
        one = slice(clip, clip + 1)
        alone = Ghost().per_frame(forecast[one], target[one], history[one])
        for name, values in alone.items():
            np.testing.assert_allclose(together[name][one], values, rtol=1e-12)


def square_at(rows):
    """Return one clip of a 6 x 6 square in column 4, at the given row in each frame."""
    frames = np.zeros((1, len(rows), 48, 24))
    for time, row in enumerate(rows):
        frames[0, time, row : row + 6, 4:10] = 1
    return frames


def own_trail_of(drift, strength, halo=0):
    """Return own_trail_ratio by step, of a square that goes its own way to the right and leaves a trail.

    The trail is wider than the square by `halo` pixels on each side.
    """
    history, target = square_at([0, 4]), square_at([8, 12, 16, 20])
    own = np.stack([np.roll(target[:, step], drift * (step + 1), axis=-1) for step in range(4)], axis=1)
    trail = ndimage.maximum_filter(np.maximum.accumulate(own, axis=1), (1, 1, 2 * halo + 1, 2 * halo + 1))
    return Ghost().per_frame(np.maximum(own, strength * trail), target, history)["own_trail_ratio"][0]


@pytest.mark.parametrize("strength", [0.1, 0.3])
def test_a_trail_on_the_forecasts_own_path_is_recovered(strength):
    assert own_trail_of(3, strength)[2:] == pytest.approx(strength, rel=0.05)


def test_the_edges_of_a_wide_trail_are_no_control_for_it():
    assert own_trail_of(3, 0.3, halo=2)[2:] == pytest.approx(0.3, rel=0.05)


def test_a_drifting_digit_leaves_no_trail():
    assert (own_trail_of(3, 0.0)[2:] == 0).all()


def test_a_forecast_on_the_target_path_has_no_own_path():
    assert np.isnan(own_trail_of(0, 0.3)).all()
