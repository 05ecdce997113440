import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift
from scipy.stats import spearmanr

from ablate.data import MovingMNIST
from ablate.metrics.ghost import Ghost
from ablate.metrics.ghost_masks import excess, ghost_masks, mean_over
from ablate.metrics.trail import Trail

CONTEXT = 10


@pytest.fixture(scope="module")
def clips():
    frames = MovingMNIST(canvas=64, digits=2).build(0).held_out(24, 20).astype(np.float64) / 255
    return frames[:, :CONTEXT], frames[:, CONTEXT:]


def ratio(forecast, clips):
    history, truth = clips
    return np.nanmean(Ghost().per_frame(forecast, truth, history)["ghost_ratio"])


def with_ghost(clips, strength):
    """The truth, and under it the whole path so far, dimmed."""
    history, truth = clips
    path = np.maximum.accumulate(np.concatenate([history, truth], axis=1), axis=1)
    return np.maximum(truth, strength * path[:, CONTEXT:])


def square(column, size=12, side=3):
    frame = np.zeros((size, size * 2))
    frame[4 : 4 + side, column : column + side] = 1
    return frame


def test_masks_of_a_moving_square_as_worked_out_by_hand():
    every = np.stack([square(0), square(8), square(16)])[None]
    masks = ghost_masks(every[:, 2:], every[:, :2])
    expected = np.zeros((12, 24), int)
    expected[4:7, 0:3] = 2
    expected[4:7, 8:11] = 1
    assert (masks.age[0, 0] == expected).all()
    assert masks.present[0, 0].sum() == 9
    # ink of now is rows 4..6 and columns 16..18; two pixels around it are near
    assert masks.control[0, 0].sum() == 12 * 24 - 9 - 9 - 7 * 7
    assert masks.ring[0, 0, 5, 10] == 6


def test_control_pixels_stand_at_the_distances_of_the_stale_ones():
    every = np.stack([square(0), square(8), square(16)])[None]
    masks = ghost_masks(every[:, 2:], every[:, :2])
    falling_off = 1.0 / (1 + masks.ring)
    assert excess(falling_off, masks, masks.stale)[0, 0] == pytest.approx(0, abs=1e-12)
    assert mean_over(falling_off, masks.stale) - mean_over(falling_off, masks.control) != pytest.approx(0, abs=1e-3)


def test_the_truth_has_no_ghost_at_all(clips):
    values = Ghost().per_frame(clips[1], *clips[::-1])["ghost_ratio"]
    assert (values[~np.isnan(values)] == 0).all()


def test_the_truth_keeps_all_of_its_signal(clips):
    assert np.allclose(Ghost().per_frame(clips[1], *clips[::-1])["signal_retention"], 1)


def test_a_planted_ghost_that_fills_the_past_is_found_at_its_strength():
    every = np.stack([square(0), square(8), square(16)])[None]
    history, truth = every[:, :2], every[:, 2:]
    forecast = np.maximum(truth, 0.3 * every.max(axis=1, keepdims=True))
    assert Ghost().per_frame(forecast, truth, history)["ghost_ratio"][0, 0] == pytest.approx(0.3)


def test_a_stronger_ghost_scores_higher(clips):
    strengths = np.linspace(0, 1, 12)
    assert spearmanr(strengths, [ratio(with_ghost(clips, s), clips) for s in strengths]).statistic >= 0.99


def test_the_ratio_grows_in_proportion_to_the_ghost(clips):
    assert ratio(with_ghost(clips, 0.6), clips) == pytest.approx(2 * ratio(with_ghost(clips, 0.3), clips), rel=0.05)


NOT_GHOSTS = {
    "blur of 1 pixel": lambda truth: gaussian_filter(truth, (0, 0, 1, 1)),
    "blur of 3 pixels": lambda truth: gaussian_filter(truth, (0, 0, 3, 3)),
    "haze": lambda truth: np.maximum(truth, 0.2),
    "noise": lambda truth: np.clip(truth + np.random.default_rng(0).normal(0, 0.1, truth.shape), 0, 1),
    "half contrast": lambda truth: 0.5 * truth,
    "shift of 2 pixels": lambda truth: shift(truth, (0, 0, 2, 0), order=0),
}


@pytest.mark.parametrize("name", NOT_GHOSTS)
def test_what_is_no_ghost_scores_below_a_tenth_of_a_30_percent_ghost(clips, name):
    assert abs(ratio(NOT_GHOSTS[name](clips[1]), clips)) < 0.1 * ratio(with_ghost(clips, 0.3), clips)


@pytest.mark.parametrize("brightness", [0.0, 0.01])
def test_a_forecast_without_digits_has_no_ratio(clips, brightness):
    values = Ghost().per_frame(np.full_like(clips[1], brightness), clips[1], clips[0])["ghost_ratio"]
    assert np.isnan(values).all()


def test_a_digit_that_stands_still_has_no_ratio():
    still = np.stack([square(8)] * 4)[None]
    assert np.isnan(Ghost().per_frame(still[:, 2:], still[:, 2:], still[:, :2])["ghost_ratio"]).all()


def test_copying_the_last_frame_is_a_spike_at_its_lag():
    every = np.stack([square(column) for column in (0, 5, 10, 15)])[None]
    trail = Trail().per_frame(np.maximum(every[:, 3:], every[:, 2:3]), every[:, 3:], every[:, :3])
    profile = [trail[f"trail_lag_{lag:02d}"][0, 0] for lag in (1, 2, 3)]
    assert profile == pytest.approx([1, 0, 0])


def test_a_trail_that_decays_is_read_off_lag_by_lag():
    every = np.stack([square(column) for column in (0, 5, 10, 15)])[None]
    fading = np.max([every[0, 3 - lag] * 0.5**lag for lag in range(4)], axis=0)[None, None]
    trail = Trail().per_frame(fading, every[:, 3:], every[:, :3])
    assert [trail[f"trail_lag_{lag:02d}"][0, 0] for lag in (1, 2, 3)] == pytest.approx([0.5, 0.25, 0.125])


def test_the_visible_share_is_the_part_of_the_past_that_a_person_sees():
    every = np.stack([square(0), square(8), square(16)])[None]
    forecast = every[:, 2:].copy()
    forecast[0, 0, 4:7, 0:3] = 0.5
    shares = Ghost().per_frame(forecast, every[:, 2:], every[:, :2])["visible_share"]
    assert shares[0, 0] == pytest.approx(0.5)
