import math

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from ablate.components.losses import BCE, L1, L1L2, MSE, GradientDifference, SSIMLoss
from ablate.core.errors import SpecError


def frames(values):
    return torch.tensor(values, dtype=torch.float64).reshape(1, 1, 1, len(values), -1)


PREDICTED, TARGET = frames([[0.5, 0.8], [0.2, 0.9]]), frames([[0.0, 1.0], [0.0, 1.0]])
LOGITS = torch.logit(PREDICTED)


def test_bce_as_computed_by_hand():
    expected = -(math.log(0.5) + math.log(0.8) + math.log(0.8) + math.log(0.9)) / 4
    assert BCE().build()(LOGITS, TARGET).item() == pytest.approx(expected)


def test_mse_as_computed_by_hand():
    assert MSE().build()(LOGITS, TARGET).item() == pytest.approx((0.25 + 0.04 + 0.04 + 0.01) / 4)


def test_l1_as_computed_by_hand():
    assert L1().build()(LOGITS, TARGET).item() == pytest.approx((0.5 + 0.2 + 0.2 + 0.1) / 4)


def test_l1_l2_weights_both():
    assert L1L2(l1=2, l2=3).build()(LOGITS, TARGET).item() == pytest.approx(2 * 1.0 / 4 + 3 * 0.34 / 4)


def test_gradient_difference_as_computed_by_hand():
    # vertical: target 0, 0; predicted 0.3, 0.1.  horizontal: target 1, 1; predicted 0.3, 0.7
    expected = 0.34 / 4 + 0.5 * ((0.3 + 0.1) / 2 + (0.7 + 0.3) / 2)
    assert GradientDifference(weight=0.5).build()(LOGITS, TARGET).item() == pytest.approx(expected)


def test_gradient_difference_raises_differences_to_alpha():
    expected = 0.34 / 4 + (0.3**2 + 0.1**2) / 2 + (0.7**2 + 0.3**2) / 2
    assert GradientDifference(alpha=2).build()(LOGITS, TARGET).item() == pytest.approx(expected)


def test_ssim_agrees_with_scikit_image_inside_the_border():
    draw = np.random.default_rng(0)
    predicted, target = draw.uniform(0.01, 0.99, (2, 24, 24))
    _, similarity = structural_similarity(
        predicted, target, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    ours = SSIMLoss(window=11).build()(
        torch.logit(torch.from_numpy(predicted))[None, None, None], torch.from_numpy(target)[None, None, None]
    )
    assert 1 - ours.item() == pytest.approx(similarity[5:-5, 5:-5].mean(), abs=1e-9)


def test_an_ssim_window_larger_than_the_frame_is_refused():
    with pytest.raises(SpecError, match="11 does not fit frames of 8 x 9 pixels"):
        SSIMLoss().build()(torch.zeros(1, 1, 1, 8, 9), torch.zeros(1, 1, 1, 8, 9))


def test_an_even_ssim_window_is_refused():
    with pytest.raises(ValueError, match="8 is even"):
        SSIMLoss(window=8)
