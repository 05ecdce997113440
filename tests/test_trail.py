import numpy as np
import pytest
from scipy import ndimage

from ablate.components.data import MovingMNIST
from ablate.measurement.metrics import Ghost
from ablate.measurement.metrics.trail import MIN_DECAY, decay_steps

CONTEXT, STEPS = 10, 10
LAGS = [f"trail_lag_{lag:02}" for lag in range(1, 13)]


@pytest.fixture(scope="module", params=[(32, None), (32, 128), (64, None), (64, 128)], ids=str)
def frames(request):
    frame_size, binarize = request.param
    source = MovingMNIST(frame_size=frame_size, binarize=binarize).build(seed=0)
    return source.held_out(24, CONTEXT + STEPS).astype(np.float32) / 255


def trail(forecast, frames):
    """Return the trail of each clip and step, lags last."""
    scores = Ghost().per_frame(forecast, frames[:, -forecast.shape[1] :], frames[:, : -forecast.shape[1]])
    return np.stack([scores[lag] for lag in LAGS], axis=-1)


def mean_trail(forecast, frames):
    """Return the mean over clips and steps, NaN where a lag is never defined."""
    values = trail(forecast, frames).reshape(-1, len(LAGS))
    known = ~np.isnan(values)
    return np.divide(np.nansum(values, 0), known.sum(0), out=np.full(len(LAGS), np.nan), where=known.any(0))


def fading(frames, strength, decay):
    """Return the truth with each earlier frame behind it, the last at `strength`, older ones fading by `decay`."""
    steps = range(CONTEXT, CONTEXT + STEPS)
    weights = [strength * decay ** np.arange(step - 1, -1, -1)[:, None, None] for step in steps]
    past = [(frames[:, :step] * weight).max(1) for step, weight in zip(steps, weights, strict=True)]
    return np.maximum(frames[:, CONTEXT:], np.stack(past, axis=1).astype(np.float32))


def strip(**brightness):
    """Return one row of pixels, 20 wide, given as c<column>=brightness."""
    row = np.zeros((1, 20))
    for column, value in brightness.items():
        row[0, int(column[1:])] = value
    return row


def trail_of_strips(forecast, *frames):
    return trail(forecast[None, None], np.stack(frames)[None])[0, 0]


def test_a_pixel_counts_at_the_time_since_it_was_last_lit():
    past = strip(c1=1, c4=1), strip(), strip(c4=0.8)
    profile = trail_of_strips(strip(c1=0.4, c4=0.2, c8=0.5), *past, strip(c8=1))
    assert profile[0] == pytest.approx((0.2 / 0.8) / 0.5)  # relative to 0.8 when last lit, not to 1 before
    assert profile[2] == pytest.approx(0.4 / 0.5)
    assert np.isnan(profile[[1, *range(3, 12)]]).all()


def test_fainter_ink_since_leaves_the_lag_unknown():
    assert np.isnan(trail_of_strips(strip(c4=0.2, c8=0.5), strip(c4=1), strip(c4=0.2), strip(c8=1))).all()


@pytest.mark.parametrize("decay", [0.9, 0.7, 0.5])
def test_the_decay_of_a_planted_trail_is_recovered(frames, decay):
    fitted = decay_steps(mean_trail(fading(frames, 0.3, decay), frames))
    assert fitted == pytest.approx(-1 / np.log(decay), rel=0.05)


@pytest.mark.parametrize("decay", [0.9, 0.7, 0.5])
def test_the_strength_of_a_planted_trail_is_recovered_at_each_lag(frames, decay):
    expected = 0.3 * decay ** np.arange(1, 4)
    assert mean_trail(fading(frames, 0.3, decay), frames)[1:4] == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("lag", [2, 4, 7])
def test_a_ghost_of_one_lag_is_found_there_and_not_beyond(frames, lag):
    target, back = frames[:, CONTEXT:], frames[:, CONTEXT - lag : -lag]
    values = trail(np.maximum(target, 0.3 * back), frames)
    assert np.nanmean(values[..., lag - 1]) == pytest.approx(0.3, rel=0.05)
    assert 1 + np.nanargmax(mean_trail(np.maximum(target, 0.3 * back), frames)) == lag
    assert np.nanmax(np.abs(values[..., lag:])) == 0


def test_copying_the_last_frame_is_a_spike_at_lag_one_alone():
    for binarize in (None, 128):
        frames = MovingMNIST(binarize=binarize).build(seed=0).held_out(16, 20).astype(np.float32) / 255
        values = trail(frames[:, 9:-1], frames)
        assert np.nanmin(values[..., 0]) > 0.9
        assert np.nanmax(np.abs(values[..., 1:])) == 0


def test_holding_the_last_known_frame_leaves_a_trail_as_old_as_that_frame():
    for binarize in (None, 128):
        frames = MovingMNIST(binarize=binarize).build(seed=0).held_out(16, 16).astype(np.float32) / 255
        values = trail(np.repeat(frames[:, 9:10], 6, axis=1), frames)
        for step in range(2, 6):
            brightest = [np.nanmax(np.append(values[:, step, lag], 0)) for lag in range(12)]
            assert np.flatnonzero(brightest).max() == step


@pytest.mark.parametrize("sigma", [1, 2, 3])
def test_a_blur_leaves_no_trail(frames, sigma):
    blurred = ndimage.gaussian_filter(frames[:, CONTEXT:], (0, 0, sigma, sigma), mode="constant")
    profile = mean_trail(blurred, frames)
    assert np.nanmax(np.abs(profile)) < 0.1 * 0.3
    assert decay_steps(profile) is None


def test_a_ghost_that_stays_has_no_decay(frames):
    assert decay_steps(mean_trail(fading(frames, 0.3, 1.0), frames)) is None


def test_the_target_itself_has_no_decay(frames):
    assert decay_steps(mean_trail(frames[:, CONTEXT:], frames)) is None


def test_a_spike_has_the_smallest_decay():
    for place in (0, 3):
        assert decay_steps(0.9 * np.eye(12)[place]) == pytest.approx(MIN_DECAY)


def test_noise_below_zero_in_the_tail_does_not_matter():
    profile = 0.3 * 0.6 ** np.arange(1, 13) + np.random.default_rng(0).normal(0, 0.003, 12)
    assert profile.min() < 0
    assert decay_steps(profile) == pytest.approx(-1 / np.log(0.6), rel=0.1)


def test_too_few_lags_have_no_decay():
    assert decay_steps(np.full(12, np.nan)) is None
    assert decay_steps(np.array([0.4, 0.2] + 10 * [np.nan])) is None
    assert decay_steps(np.array([0.4, 0.2, 0.1] + 9 * [np.nan])) == pytest.approx(1 / np.log(2))


def test_a_trail_that_grows_with_the_lag_does_not_fade():
    assert decay_steps(np.linspace(0.1, 0.3, 12)) is None
