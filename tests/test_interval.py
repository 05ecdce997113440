import numpy as np
import pytest
from scipy import stats

from ablate.measurement.scoring.curves import mean_interval

STUDIES, CLIPS = 20_000, 24


def test_the_interval_agrees_with_scipy():
    values = np.random.default_rng(0).normal(3, 2, 9)
    mean, low, high = mean_interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (mean, low, high) == pytest.approx((values.mean(), expected.low, expected.high))


@pytest.mark.parametrize(
    ("draw", "true"),
    [
        (lambda rng: rng.normal(0.3, 0.1, (CLIPS, STUDIES)), 0.3),
        (lambda rng: rng.beta(2, 5, (CLIPS, STUDIES)), 2 / 7),
        (lambda rng: rng.gamma(2, 1, (CLIPS, STUDIES)), 2.0),
    ],
    ids=["normal", "beta", "gamma"],
)
def test_the_interval_covers_the_true_mean_in_93_to_97_percent_of_studies(draw, true):
    _, low, high = mean_interval(draw(np.random.default_rng(0)))
    assert 0.93 <= ((low <= true) & (true <= high)).mean() <= 0.97


def test_undefined_clips_are_left_out():
    with_gap, without = (mean_interval(np.array(clips)) for clips in ([1.0, np.nan, 2.0, 4.0], [1.0, 2.0, 4.0]))
    np.testing.assert_allclose(with_gap, without)


def test_one_clip_has_a_mean_and_no_interval():
    mean, low, high = mean_interval(np.array([[0.5], [np.nan]]))
    assert mean == [0.5]
    assert np.isnan([low, high]).all()


def test_without_a_defined_clip_all_is_undefined():
    assert np.isnan(mean_interval(np.full(3, np.nan))).all()
