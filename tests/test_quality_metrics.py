import subprocess
import sys

import numpy as np
import pytest
from skimage.filters import gaussian
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

from ablate.measurement.metrics import METRIC_GROUPS, METRICS, PSNR, SSIM, PixelError, score

CLIPS, STEPS, SIDE = 2, 3, 16


@pytest.fixture
def frames():
    """Return a forecast, the truth and a history of random frames."""
    draw = np.random.default_rng(0)
    return tuple(draw.random((CLIPS, time, SIDE, SIDE)) for time in (STEPS, STEPS, 4))


def of_one_frame(group, forecast, target):
    """Return the measures of one 2-D frame as plain numbers."""
    forecast, target = (np.asarray(image, float)[None, None] for image in (forecast, target))
    return {name: value.item() for name, value in group.per_frame(forecast, target, target[:, :0]).items()}


def test_pixel_errors_as_worked_out_by_hand():
    errors = of_one_frame(PixelError(), [[0.5, 1.0], [0.0, 0.2]], [[1.0, 1.0], [0.0, 0.0]])
    assert errors == pytest.approx({"mse": 0.29, "mae": 0.7, "mse_pixel": 0.0725, "mae_pixel": 0.175})


def test_the_pixel_error_is_not_clipped():
    assert of_one_frame(PixelError(), [[1.5]], [[1.0]])["mse"] == pytest.approx(0.25)


def test_the_pixel_mse_agrees_with_scikit_image(frames):
    forecast, target, history = frames
    measured = PixelError().per_frame(forecast, target, history)["mse_pixel"]
    assert measured[1, 2] == pytest.approx(mean_squared_error(target[1, 2], forecast[1, 2]))


def test_psnr_agrees_with_scikit_image(frames):
    forecast, target, history = frames
    measured = PSNR().per_frame(forecast, target, history)["psnr"]
    assert measured[1, 2] == pytest.approx(peak_signal_noise_ratio(target[1, 2], forecast[1, 2], data_range=1))


def test_psnr_of_an_error_of_a_tenth_is_twenty_decibels():
    assert of_one_frame(PSNR(), np.full((4, 4), 0.1), np.zeros((4, 4)))["psnr"] == pytest.approx(20)


def test_psnr_uses_the_clipped_forecast():
    assert of_one_frame(PSNR(), [[1.5, -3.0]], [[0.9, 0.0]])["psnr"] == pytest.approx(-10 * np.log10(0.01 / 2))


def test_psnr_of_a_perfect_frame_is_the_ceiling():
    assert of_one_frame(PSNR(), np.ones((4, 4)), np.ones((4, 4)))["psnr"] == 100


def test_psnr_of_the_worst_frame_is_zero():
    assert of_one_frame(PSNR(), np.ones((4, 4)), np.zeros((4, 4)))["psnr"] == pytest.approx(0)


def ssim_by_hand(x, y, data_range):
    """Wang et al. 2004 over one uniform window that is the whole image, sample covariance."""
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    covariance = np.cov(x.ravel(), y.ravel())
    luminance = (2 * x.mean() * y.mean() + c1) / (x.mean() ** 2 + y.mean() ** 2 + c1)
    return luminance * (2 * covariance[0, 1] + c2) / (covariance[0, 0] + covariance[1, 1] + c2)


def test_openstl_ssim_of_one_window_as_worked_out_by_hand():
    x, y = np.random.default_rng(1).random((2, 13, 13))
    values = []
    for row in range(7):
        for column in range(7):
            window = slice(row, row + 7), slice(column, column + 7)
            values.append(ssim_by_hand(x[window], y[window], data_range=2))
    assert of_one_frame(SSIM(), x, y)["ssim_openstl"] == pytest.approx(np.mean(values))


def test_ssim_follows_the_paper(frames):
    forecast, target, history = frames
    expected = structural_similarity(
        forecast[1, 2], target[1, 2], win_size=11, gaussian_weights=True, use_sample_covariance=False, data_range=1
    )
    assert SSIM().per_frame(forecast, target, history)["ssim"][1, 2] == pytest.approx(expected)


def test_openstl_ssim_is_too_high_for_a_blurred_digit():
    digit = np.zeros((SIDE, SIDE))
    digit[4:12, 6:10] = 1
    similarity = of_one_frame(SSIM(), gaussian(digit, 2), digit)
    assert similarity["ssim_openstl"] > similarity["ssim"] + 0.05


def test_ssim_uses_the_clipped_forecast(frames):
    forecast, target, history = frames
    wild = 3 * forecast - 1
    measured, expected = (SSIM().per_frame(f, target, history) for f in (wild, np.clip(wild, 0, 1)))
    assert measured["ssim"] == pytest.approx(expected["ssim"])


def test_score_returns_every_metric(frames):
    assert set(score(*frames)) == set(METRICS)


def test_metric_names_are_unique():
    assert len(METRICS) == sum(len(group.metrics) for group in METRIC_GROUPS)


def test_metrics_load_no_torch():
    loads = "import sys, ablate.measurement.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loads], check=False).returncode == 0  # own code
