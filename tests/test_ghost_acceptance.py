"""What a ghost measure must answer to, and what it must not."""

import numpy as np
import pytest
from scipy import ndimage, stats

from ablate.components.data import MovingMNIST
from ablate.components.data.digits import digits
from ablate.measurement.metrics import Ghost

CONTEXT, STEPS = 10, 10
TRUE_GHOST = 0.3


def of_one_film(rows, columns, *more):
    """Return one clip of real digits on 64 pixels: one by its rows and columns over time, and `more` such pairs."""
    film = np.zeros((1, len(rows), 64, 64), np.float32)
    for image, (down, right) in zip(digits("test", 28), [(rows, columns), *more], strict=False):
        for time, (row, column) in enumerate(zip(down, right, strict=True)):
            place = film[0, time, row : row + 28, column : column + 28]
            np.maximum(place, image / 255, out=place)
    return film


OUT_AND_BACK = [*range(0, 36, 4), *range(36, -4, -4), 4]
STAND = [18] * 20
FOLLOWED = [max(0, 2 * time - 6) for time in range(20)]
FILMS = {
    "bounces back over its own path": of_one_film(STAND, OUT_AND_BACK),
    "stops and stands": of_one_film(STAND, [*range(0, 36, 3), *[36] * 8]),
    "stands, then leaves": of_one_film(STAND, [*[2] * 9, *range(2, 35, 3)]),
    "stands while another crosses it": of_one_film(STAND, STAND, (OUT_AND_BACK, STAND)),
    "follows another on its path": of_one_film(STAND, [2 * k if k < 18 else 36 for k in range(20)], (STAND, FOLLOWED)),
}
CLIPS = {f"{frame_size} pixels": MovingMNIST(frame_size=frame_size) for frame_size in (32, 64)} | {
    "one digit": MovingMNIST(digits=1),
    "four that overlap": MovingMNIST(digits=4),
}


def binarized(frames):
    return (frames >= 0.5).astype(np.float32)


@pytest.fixture(scope="module", params=[False, True], ids=["gray", "black and white"])
def ink(request):
    return binarized if request.param else np.asarray


@pytest.fixture(scope="module", params=CLIPS)
def frames(request, ink):
    return ink(CLIPS[request.param].build(seed=0).held_out(12, CONTEXT + STEPS).astype(np.float32) / 255)


@pytest.fixture(scope="module", params=FILMS)
def film(request, ink):
    return ink(FILMS[request.param])


def with_ghost(frames, strength):
    """Return the truth with the brightest that each pixel was before, behind it."""
    past = np.maximum.accumulate(frames, axis=1)[:, CONTEXT - 1 : -1]
    return np.maximum(frames[:, CONTEXT:], strength * past)


def measured(forecast, frames, metric="ghost_ratio"):
    return Ghost().per_frame(forecast, frames[:, CONTEXT:], frames[:, :CONTEXT])[metric]


def blurred(sigma):
    return lambda target: ndimage.gaussian_filter(target, (0, 0, sigma, sigma), mode="constant")


def shifted(down, right):
    return lambda target: ndimage.shift(target, (0, 0, down, right), order=0)


def noisy(frames):
    return np.clip(frames + np.random.default_rng(0).normal(0, 0.2, frames.shape), 0, 1).astype(np.float32)


HARMLESS = {
    "blur of 1": blurred(1),
    "blur of 2": blurred(2),
    "blur of 3": blurred(3),
    "blur by a square of 7": lambda target: ndimage.uniform_filter(target, (0, 0, 7, 7), mode="constant"),
    "haze": lambda target: 0.2 + 0.8 * target,
    "noise": noisy,
    "half the contrast": lambda target: 0.5 * target,
    "2 pixels down": shifted(2, 0),
    "2 pixels up": shifted(-2, 0),
    "2 pixels left": shifted(0, -2),
    "2 pixels across": shifted(2, 2),
}
every_flaw = pytest.mark.parametrize("flaw", HARMLESS)
every_strength = pytest.mark.parametrize("strength", [0.05, 0.3, 0.8])


def test_the_target_itself_has_exactly_no_ghost(frames):
    target, history = frames[:, CONTEXT:], frames[:, :CONTEXT]
    scores = Ghost().per_frame(target, target, history)
    assert (scores["ghost_ratio"] == 0).all()
    assert (scores["visible_share"] == 0).all()
    assert (scores["signal_retention"] == 1).all()


def test_the_ratio_rises_with_the_ghost_in_every_clip_and_step(frames):
    strengths = np.linspace(0, 1, 9)
    ratios = np.array([measured(with_ghost(frames[:8], strength), frames[:8]) for strength in strengths])
    for clip_and_step in ratios.reshape(len(strengths), -1).T:
        assert stats.spearmanr(strengths, clip_and_step).statistic >= 0.99


@every_strength
def test_a_planted_ghost_is_recovered(frames, strength):
    assert measured(with_ghost(frames, strength), frames).mean() == pytest.approx(strength, rel=0.05)


@every_strength
def test_a_ghost_is_recovered_on_an_awkward_path(film, strength):
    assert np.nanmean(measured(with_ghost(film, strength), film)) == pytest.approx(strength, rel=0.05)


@every_flaw
def test_other_flaws_are_under_a_tenth_of_a_ghost(frames, flaw):
    answer = np.nanmean(measured(HARMLESS[flaw](frames[:, CONTEXT:]), frames))  # a thin digit shifted is a faded one
    assert abs(answer) < 0.1 * measured(with_ghost(frames, TRUE_GHOST), frames).mean()


@every_flaw
def test_other_flaws_are_under_a_tenth_of_a_ghost_on_an_awkward_path(film, flaw):
    answer = np.nanmean(measured(HARMLESS[flaw](film[:, CONTEXT:]), film))
    assert abs(answer) < 0.1 * np.nanmean(measured(with_ghost(film, TRUE_GHOST), film))


@pytest.mark.parametrize("flaw", ["haze", "half the contrast"])
def test_a_ghost_under_another_flaw_is_still_recovered(frames, flaw):
    ghost = measured(HARMLESS[flaw](with_ghost(frames, TRUE_GHOST)), frames).mean()
    assert ghost == pytest.approx(TRUE_GHOST, rel=0.05)


@pytest.mark.parametrize("strength", [0.1, 0.4])
@pytest.mark.parametrize("haze", [0.02, 0.1, 0.3])
def test_a_ghost_under_haze_keeps_its_strength(frames, haze, strength):
    hazy = haze + (1 - haze) * with_ghost(frames, strength)
    assert measured(hazy, frames).mean() == pytest.approx(strength, rel=0.05)


@pytest.mark.parametrize("strength", [0.1, 0.4])
@pytest.mark.parametrize("scale", [0.3, 0.1, 0.05])
def test_a_ghost_in_a_dim_noisy_picture_keeps_its_strength(frames, scale, strength):
    noise = np.random.default_rng(0).normal(0, 0.06 * scale, frames[:, CONTEXT:].shape)
    dim = 0.02 + scale * with_ghost(frames, strength) + noise
    assert np.nanmean(measured(dim, frames)) == pytest.approx(strength, rel=0.07)


@pytest.mark.parametrize("background", [0.1, 0.3])
def test_a_ghost_over_a_background_keeps_its_strength(frames, background):
    over = background + (1 - background) * frames
    past = np.maximum.accumulate(over, axis=1)[:, CONTEXT - 1 : -1]
    forecast = np.maximum(over[:, CONTEXT:], background + TRUE_GHOST * (past - background))
    ghost = Ghost(background=background, ink=background + 0.5 * (1 - background))
    ratio = ghost.per_frame(forecast, over[:, CONTEXT:], over[:, :CONTEXT])["ghost_ratio"]
    assert ratio.mean() == pytest.approx(TRUE_GHOST, rel=0.05)


def test_the_ghost_map_has_the_ratio_as_its_mean_over_the_stale_pixels(frames):
    target, history = frames[:, CONTEXT:], frames[:, :CONTEXT]
    forecast = 0.1 + 0.5 * with_ghost(frames, TRUE_GHOST)
    drawn = Ghost().excess_map(forecast, target, history)
    np.testing.assert_allclose(np.nanmean(drawn, axis=(2, 3)), measured(forecast, frames), rtol=1e-4)


def test_the_ghost_map_has_no_value_outside_the_stale_pixels(frames):
    target, history = frames[:, CONTEXT:], frames[:, :CONTEXT]
    drawn = Ghost().excess_map(with_ghost(frames, TRUE_GHOST), target, history)
    near = ndimage.maximum_filter(target > 0, (1, 1, 5, 5), mode="constant")
    never = np.maximum.accumulate(frames, axis=1)[:, CONTEXT - 1 : -1] < 0.5
    assert np.isnan(drawn[near | never]).all()


def test_a_digit_that_never_moved_has_no_past(ink):
    still = ink(of_one_film(STAND, STAND))
    for flaw in HARMLESS.values():
        assert np.isnan(measured(flaw(still[:, CONTEXT:]), still)).all()


@pytest.mark.parametrize("brightness", [0.0, 0.3, 1.0])
def test_a_forecast_of_one_brightness_is_undefined(frames, brightness):
    forecast = np.full_like(frames[:, CONTEXT:], brightness)
    assert np.isnan(measured(forecast, frames)).all()
    assert np.isnan(measured(forecast, frames, "own_trail_ratio")).all()
    assert np.isnan(measured(forecast, frames, "trail_lag_02")).all()


def test_a_faint_digit_on_black_is_seen(frames):
    assert measured(0.09 * with_ghost(frames, TRUE_GHOST), frames).mean() == pytest.approx(TRUE_GHOST, rel=0.05)


def test_a_digit_below_two_percent_has_no_ratio(frames):
    assert np.isnan(measured(0.019 * frames[:, CONTEXT:], frames)).all()


def test_a_digit_lost_in_the_noise_has_no_ratio(frames):
    noise = np.random.default_rng(0).normal(0, 0.05, frames[:, CONTEXT:].shape)
    assert np.isnan(measured(0.2 + 0.1 * frames[:, CONTEXT:] + noise, frames)).all()


def test_a_forecast_that_collapsed_to_gray_blobs_elsewhere_has_no_ratio(frames):
    blob = ndimage.gaussian_filter(frames[:, CONTEXT:], (0, 0, 8, 8), mode="constant")
    half = frames.shape[-1] // 2
    collapsed = np.roll(blob / blob.max(), (half, half), (2, 3))
    assert np.isnan(measured(collapsed, frames)).mean() > 0.95
