import numpy as np
import pytest
from scipy import ndimage, stats
from scipy.spatial.distance import cdist

from ablate.data import MovingMNIST
from ablate.metrics import Ghost
from ablate.metrics.ghost_masks import FARTHEST, distance_to, ghost_masks

CONTEXT, STEPS = 10, 10
TRUE_GHOST = 0.3
LAGS = [f"trail_lag_{lag:02}" for lag in range(1, 13)]


def strips(*rows):
    """Return one clip whose frames are single rows of pixels, written as {column: brightness}, 20 wide."""
    frames = np.zeros((1, len(rows), 1, 20))
    for time, row in enumerate(rows):
        frames[0, time, 0, list(row)] = list(row.values())
    return frames


def scores_of_strips(forecast, truth, *history):
    """Return the measures of one forecast step as plain numbers."""
    values = Ghost().per_frame(strips(forecast), strips(truth), strips(*history))
    return {name: value.item() for name, value in values.items()}


@pytest.fixture(scope="module", params=[32, 64])
def digits(request):
    """Return (frames, truth, history) of clips of black and white digits."""
    source = MovingMNIST(canvas=request.param, binarise=128).build(seed=0)
    frames = source.held_out(24, CONTEXT + STEPS).astype(np.float32) / 255
    return frames, frames[:, CONTEXT:], frames[:, :CONTEXT]


def with_ghost(frames, strength, decay=1.0):
    """Return the truth with every earlier frame behind it, the last at `strength`, older ones fading by `decay`."""
    steps = range(CONTEXT, frames.shape[1])
    weights = [strength * decay ** np.arange(step - 1, -1, -1) for step in steps]
    past = [(frames[:, :step] * w[:, None, None]).max(1) for step, w in zip(steps, weights, strict=True)]
    return np.maximum(frames[:, CONTEXT:], np.stack(past, axis=1).astype(np.float32))


def ghost_of(forecast, digits, measure="ghost_ratio"):
    _, truth, history = digits
    return np.nanmean(Ghost().per_frame(forecast, truth, history)[measure])


def blurred(frames, sigma):
    return ndimage.gaussian_filter(frames, (0, 0, sigma, sigma), mode="constant")


# Worked out by hand: the digit was at column 2 and is at 8, so column 14 is as far from it as column 2.


def test_the_ghost_is_the_past_over_a_control_at_its_distance():
    scores = scores_of_strips({2: 0.5, 8: 0.8, 14: 0.1, 17: 0.9}, {8: 1.0}, {2: 1.0})
    assert scores["ghost_ratio"] == pytest.approx((0.5 - 0.1) / 0.8)


def test_retention_is_relative_to_the_true_brightness():
    scores = scores_of_strips({2: 0.5, 8: 0.4, 14: 0.1}, {8: 0.8}, {2: 1.0})
    assert scores["signal_retention"] == pytest.approx(0.4 / 0.8)


def test_the_control_takes_the_distances_of_the_past():
    # columns 2 and 4 are 6 and 4 away from 8, as 14 and 12 are
    scores = scores_of_strips({2: 0.5, 4: 0.3, 8: 1.0, 12: 0.2, 14: 0.1}, {8: 1.0}, {4: 1.0}, {2: 1.0})
    assert scores["ghost_ratio"] == pytest.approx((0.5 + 0.3) / 2 - (0.2 + 0.1) / 2)


def test_a_distance_without_control_drops_out():
    # column 14 had ink, too faint to be lit: neither past nor control, so column 2 has nothing to compare with
    scores = scores_of_strips({2: 0.9, 4: 0.3, 8: 1.0, 12: 0.2}, {8: 1.0}, {2: 1.0, 4: 1.0, 14: 0.3})
    assert scores["ghost_ratio"] == pytest.approx(0.3 - 0.2)


def test_without_any_control_it_is_undefined():
    scores = scores_of_strips({2: 0.9, 8: 1.0}, {8: 1.0}, {2: 1.0, 14: 0.3})
    assert np.isnan(scores["ghost_ratio"])
    assert np.isnan(scores["visible_share"])


def test_without_a_past_it_is_undefined():
    assert np.isnan(scores_of_strips({8: 1.0}, {8: 1.0}, {8: 1.0})["ghost_ratio"])


def test_without_a_digit_there_is_no_ratio_but_still_a_visible_share():
    scores = scores_of_strips({2: 0.9}, {}, {2: 1.0})
    assert np.isnan([scores["ghost_ratio"], scores["signal_retention"], scores["trail_lag_01"]]).all()
    assert scores["visible_share"] == 1


def test_brightness_within_two_pixels_belongs_to_the_digit():
    scores = scores_of_strips({6: 0.9, 8: 1.0}, {8: 1.0}, {6: 1.0, 5: 1.0})
    assert scores["ghost_ratio"] == 0


def test_the_visible_share_counts_pixels_a_tenth_above_their_control():
    scores = scores_of_strips({2: 0.25, 4: 0.35, 8: 1.0, 12: 0.2, 14: 0.2}, {8: 1.0}, {2: 1.0, 4: 1.0})
    assert scores["visible_share"] == 0.5


def test_the_trail_goes_by_the_steps_since_a_pixel_was_last_lit():
    scores = scores_of_strips({1: 0.4, 4: 0.2, 8: 0.5}, {8: 1.0}, {1: 1.0, 4: 1.0}, {}, {4: 1.0})
    assert scores["trail_lag_01"] == pytest.approx(0.2 / 0.5)
    assert scores["trail_lag_03"] == pytest.approx(0.4 / 0.5)
    assert np.isnan(scores["trail_lag_02"])


def test_fainter_ink_since_leaves_the_trail_unknown():
    scores = scores_of_strips({4: 0.2, 8: 0.5}, {8: 1.0}, {4: 1.0}, {4: 0.2})
    assert np.isnan([scores[lag] for lag in LAGS]).all()
    assert scores["ghost_ratio"] == pytest.approx(0.2 / 0.5)


def test_earlier_forecast_steps_are_the_past_too():
    scores = Ghost().per_frame(strips({4: 1.0}, {4: 0.4, 10: 1.0}), strips({4: 1.0}, {10: 1.0}), strips())
    assert scores["ghost_ratio"][0, 1] == pytest.approx(0.4)
    assert np.isnan(scores["ghost_ratio"][0, 0])


def test_distance_is_the_chessboards():
    marked = np.random.default_rng(0).random((1, 2, 24, 23)) < 0.004
    pixels = np.argwhere(np.ones(marked.shape[2:]))
    for step in range(2):
        nearest = cdist(pixels, np.argwhere(marked[0, step]), "chebyshev").min(1).reshape(24, 23)
        np.testing.assert_array_equal(distance_to(marked)[0, step], np.minimum(nearest, FARTHEST))


def test_masks_do_not_overlap(digits):
    _, truth, history = digits
    masks = ghost_masks(truth, history)
    assert not (masks.present & masks.stale).any()
    assert not (masks.present & masks.control).any()
    assert not (masks.stale & masks.control).any()


def ghost_ratio_pixel_by_pixel(forecast, truth, earlier):
    """Return the ghost ratio of one frame, straight from its definition."""
    distance = np.minimum(ndimage.distance_transform_cdt(truth == 0, "chessboard"), FARTHEST)
    stale, control = {}, {}
    for pixel in map(tuple, np.argwhere(distance > 2)):
        past = [frame[pixel] for frame in earlier]
        group = stale if max(past) >= 0.5 else control if max(past) == 0 else None
        if group is not None:
            group.setdefault(distance[pixel], []).append(forecast[pixel])
    excess = [p - np.mean(control[ring]) for ring in stale if ring in control for p in stale[ring]]
    return np.mean(excess) / forecast[truth >= 0.5].mean()


def test_it_agrees_with_its_definition_pixel_by_pixel():
    frames = MovingMNIST(canvas=32).build(seed=0).held_out(3, 9).astype(float) / 255
    forecast = np.clip(0.7 * frames[:, 5:] + 0.5 * np.random.default_rng(0).random(frames[:, 5:].shape), 0, 1)
    ratio = Ghost().per_frame(forecast, frames[:, 5:], frames[:, :5])["ghost_ratio"]
    for clip, step in np.ndindex(*ratio.shape):
        earlier = frames[clip, : 5 + step]
        expected = ghost_ratio_pixel_by_pixel(forecast[clip, step], frames[clip, 5 + step], earlier)
        assert ratio[clip, step] == pytest.approx(expected)


# What a ghost measure must answer to, and what it must not.


def test_the_truth_has_exactly_no_ghost(digits):
    _, truth, history = digits
    scores = Ghost().per_frame(truth, truth, history)
    assert (scores["ghost_ratio"] == 0).all()
    assert (scores["visible_share"] == 0).all()
    assert (scores["signal_retention"] == 1).all()


@pytest.mark.parametrize("strength", [0.05, 0.3, 0.8])
def test_a_planted_ghost_is_recovered(digits, strength):
    assert ghost_of(with_ghost(digits[0], strength), digits) == pytest.approx(strength, rel=0.05)


def test_the_ratio_rises_with_the_ghost_in_every_clip_and_step(digits):
    frames, truth, history = digits
    strengths = np.linspace(0, 1, 9)
    ratios = [Ghost().per_frame(with_ghost(frames, s), truth, history)["ghost_ratio"] for s in strengths]
    for clip_and_step in np.reshape(ratios, (len(strengths), -1)).T:
        assert stats.spearmanr(strengths, clip_and_step).statistic >= 0.99


@pytest.mark.parametrize("decay", [1.0, 0.7])
def test_the_decay_of_a_planted_trail_is_recovered(digits, decay):
    forecast = with_ghost(digits[0], TRUE_GHOST, decay)
    brightness = [ghost_of(forecast, digits, lag) for lag in LAGS[1:]]
    slope = stats.linregress(np.arange(2, 13), np.log(brightness)).slope
    assert np.exp(slope) == pytest.approx(decay, rel=0.05)
    assert brightness[0] == pytest.approx(TRUE_GHOST * decay, rel=0.05)


def noisy(frames):
    return np.clip(frames + np.random.default_rng(0).normal(0, 0.2, frames.shape), 0, 1).astype(np.float32)


HARMLESS = {
    "blur of 1": lambda truth: blurred(truth, 1),
    "blur of 2": lambda truth: blurred(truth, 2),
    "blur of 3": lambda truth: blurred(truth, 3),
    "haze": lambda truth: 0.2 + 0.8 * truth,
    "noise": noisy,
    "half the contrast": lambda truth: 0.5 * truth,
    "2 pixels down": lambda truth: ndimage.shift(truth, (0, 0, 2, 0), order=0),
    "2 pixels left": lambda truth: ndimage.shift(truth, (0, 0, 0, -2), order=0),
    "2 pixels across": lambda truth: ndimage.shift(truth, (0, 0, 2, 2), order=0),
}


@pytest.mark.parametrize("harm", HARMLESS)
def test_other_flaws_are_under_a_tenth_of_a_ghost(digits, harm):
    answer = ghost_of(with_ghost(digits[0], TRUE_GHOST), digits)
    assert abs(ghost_of(HARMLESS[harm](digits[1]), digits)) < 0.1 * answer


@pytest.mark.parametrize(("harm", "left"), [("haze", 0.8 * TRUE_GHOST), ("half the contrast", TRUE_GHOST)])
def test_a_ghost_under_another_flaw_is_still_recovered(digits, harm, left):
    ghost = ghost_of(HARMLESS[harm](with_ghost(digits[0], TRUE_GHOST)), digits)
    assert ghost == pytest.approx(left, rel=0.05)


@pytest.mark.parametrize("brightness", [0.0, 0.3, 1.0])
def test_a_forecast_of_one_brightness_is_undefined(digits, brightness):
    _, truth, history = digits
    scores = Ghost().per_frame(np.full_like(truth, brightness), truth, history)
    assert all(np.isnan(scores[name]).all() for name in ("ghost_ratio", "own_trail_ratio", *LAGS))


def test_a_digit_that_has_faded_leaves_no_ratio(digits):
    _, truth, history = digits
    assert np.isnan(Ghost().per_frame(0.09 * truth, truth, history)["ghost_ratio"]).all()


@pytest.mark.parametrize("binarise", [None, 128])
def test_copying_the_last_frame_is_a_spike_at_lag_one_alone(binarise):
    frames = MovingMNIST(binarise=binarise).build(seed=0).held_out(16, 20).astype(np.float32) / 255
    scores = Ghost().per_frame(frames[:, 9:-1], frames[:, 10:], frames[:, :10])
    assert np.nanmin(scores[LAGS[0]]) > 0.9
    assert all(np.nanmax(np.abs(scores[lag])) == 0 for lag in LAGS[1:])


def test_holding_the_last_known_frame_leaves_a_trail_as_old_as_that_frame():
    frames = MovingMNIST(binarise=128).build(seed=0).held_out(16, 16).astype(np.float32) / 255
    held = np.repeat(frames[:, 9:10], 6, axis=1)
    scores = Ghost().per_frame(held, frames[:, 10:], frames[:, :10])
    for step in range(2, 6):
        spike = [np.nanmax(np.append(scores[lag][:, step], 0)) for lag in LAGS]
        assert np.flatnonzero(spike).max() == step


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
    history, truth = square_at([0, 4]), square_at([8, 12, 16, 20])
    own = np.stack([np.roll(truth[:, step], drift * (step + 1), axis=-1) for step in range(4)], axis=1)
    trail = ndimage.maximum_filter(np.maximum.accumulate(own, axis=1), (1, 1, 2 * halo + 1, 2 * halo + 1))
    return Ghost().per_frame(np.maximum(own, strength * trail), truth, history)["own_trail_ratio"][0]


@pytest.mark.parametrize("strength", [0.1, 0.3])
def test_a_trail_on_the_forecasts_own_path_is_recovered(strength):
    assert own_trail_of(3, strength)[2:] == pytest.approx(strength, rel=0.05)


def test_the_edges_of_a_wide_trail_are_no_control_for_it():
    assert own_trail_of(3, 0.3, halo=2)[2:] == pytest.approx(0.3, rel=0.05)


def test_a_digit_that_drifts_leaves_no_trail_by_itself():
    assert (own_trail_of(3, 0.0)[2:] == 0).all()


def test_on_the_true_path_there_is_no_path_of_its_own():
    assert np.isnan(own_trail_of(0, 0.3)).all()


def test_more_clips_than_are_scored_at_a_time_score_as_they_do_alone():
    frames = MovingMNIST(canvas=64).build(seed=0).held_out(12, 14).astype(np.float32) / 255
    forecast, truth, history = blurred(frames[:, 10:], 1), frames[:, 10:], frames[:, :10]
    together = Ghost().per_frame(forecast, truth, history)
    for clip in range(12):
        one = slice(clip, clip + 1)
        alone = Ghost().per_frame(forecast[one], truth[one], history[one])
        for name, values in alone.items():
            np.testing.assert_allclose(together[name][one], values, rtol=1e-12)
