import numpy as np
import pytest
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

from ablate.metrics import score

DRAW = np.random.default_rng(0)
FORECAST, TRUTH = DRAW.random((2, 3, 2, 16, 16))
HISTORY = DRAW.random((3, 4, 16, 16))
SCORES = score(FORECAST, TRUTH, HISTORY)


def test_mse_sums_over_a_frame_as_openstl_does():
    assert SCORES["mse"][1, 0] == pytest.approx(256 * mean_squared_error(FORECAST[1, 0], TRUTH[1, 0]))


def test_mse_pixel_is_scikit_images():
    assert SCORES["mse_pixel"][2, 1] == pytest.approx(mean_squared_error(FORECAST[2, 1], TRUTH[2, 1]))


def test_mae_as_worked_out_by_hand():
    forecast, truth = np.zeros((1, 1, 16, 16)), np.zeros((1, 1, 16, 16))
    truth[0, 0, 0, :4] = 0.5
    scores = score(forecast, truth, truth)
    assert scores["mae"][0, 0] == pytest.approx(2.0)
    assert scores["mae_pixel"][0, 0] == pytest.approx(2.0 / 256)


def test_psnr_is_scikit_images():
    assert SCORES["psnr"][0, 1] == pytest.approx(peak_signal_noise_ratio(TRUTH[0, 1], FORECAST[0, 1], data_range=1))


def test_psnr_of_a_perfect_frame_is_finite():
    assert (score(TRUTH, TRUTH, HISTORY)["psnr"] == 100).all()


def test_ssim_has_the_gaussian_window_and_a_range_of_one():
    expected = structural_similarity(
        FORECAST[0, 0], TRUTH[0, 0], data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert SCORES["ssim"][0, 0] == pytest.approx(expected)


def test_openstls_ssim_has_a_uniform_window_and_a_range_of_two():
    assert SCORES["ssim_openstl"][0, 0] == pytest.approx(structural_similarity(FORECAST[0, 0], TRUTH[0, 0], data_range=2))


def test_forecasts_beyond_white_are_clipped_for_ssim_and_psnr_only():
    beyond = score(FORECAST + 1, TRUTH, HISTORY)
    white = score(np.ones_like(FORECAST), TRUTH, HISTORY)
    assert np.allclose(beyond["ssim"], white["ssim"])
    assert np.allclose(beyond["psnr"], white["psnr"])
    assert (beyond["mse"] > white["mse"]).all()
