from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage

from ablate.components.data import MovingMNIST
from ablate.components.models import Planted
from ablate.components.models.specs import SWITCHES
from ablate.core.seeds import derive
from ablate.measurement.metrics import score
from ablate.study import RunSpec
from ablate.training.fit import initial_model

CONTEXT, HORIZON = 10, 3
SETTINGS = [dict(zip(SWITCHES, on, strict=True)) for on in product((False, True), repeat=len(SWITCHES))]


def strength(seed=0, **settings):
    run = RunSpec(model=Planted(**settings), seed=seed)
    network: Any = initial_model(run, torch.device("cpu"))
    return network.strength.item()


def square_clip(row_step, column_step):
    """A square of 4 x 4 pixels that goes straight on, for as many frames as needed."""
    clip = np.zeros((1, CONTEXT + HORIZON, 48, 48), np.float32)
    for time in range(CONTEXT + HORIZON):
        row, column = 20 + round(row_step * time), 20 + round(column_step * time)
        clip[0, time, row : row + 4, column : column + 4] = 1
    return clip


def forecast(clips, **settings):
    history = torch.from_numpy(clips[:, :CONTEXT, None])
    return initial_model(RunSpec(model=Planted(noise=0, **settings)), torch.device("cpu")).forecast(history, HORIZON)


@pytest.mark.parametrize("planted", [0.0, 0.3, 0.6])
def test_the_metric_reads_the_planted_strength(planted):
    clips = MovingMNIST(frame_size=24, digits=1, step=0.05, binarize=128).build(0).held_out(48, CONTEXT + HORIZON)
    frames = clips.astype(np.float32) / 255
    forecasts = forecast(frames, base=planted, pair=0)[:, :, 0].numpy()
    measured = score(forecasts, frames[:, CONTEXT:], frames[:, :CONTEXT])
    assert np.nanmean(measured["ghost_ratio"]) == pytest.approx(planted, abs=0.03)
    assert np.nanmean(measured["signal_retention"]) > 0.9


@pytest.mark.parametrize("velocity", [(0, 1), (-1, 0), (1, -1), (0.5, 0.25), (0, 0)])
def test_a_digit_that_goes_straight_on_is_covered(velocity):
    clip = square_clip(*velocity)
    frames = forecast(clip, base=0, pair=0)[:, :, 0].numpy()
    assert (frames[clip[:, CONTEXT:] == 1] == 1).all()


def test_a_digit_is_drawn_one_pixel_wider_and_no_more():
    clip = square_clip(0, 1)
    frames = forecast(clip, base=0, pair=0)[:, :, 0].numpy()
    wider = ndimage.grey_dilation(clip[:, CONTEXT:], size=(1, 1, 3, 3))
    np.testing.assert_array_equal(frames, wider)


def test_the_ghost_lies_where_the_digit_was_and_on_its_path_since():
    clip = square_clip(0, 2)
    last = forecast(clip, base=0.5, pair=0)[0, -1, 0].numpy()
    seen = clip[0, : CONTEXT + HORIZON - 1].max(axis=0)
    digit = ndimage.grey_dilation(clip[0, -1], size=(3, 3))
    np.testing.assert_array_equal(last, np.maximum(digit, 0.5 * seen))


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: "".join(str(int(on)) for on in settings.values()))
def test_only_the_culprit_and_the_agreement_of_the_partners_add_to_the_strength(settings):
    expected = 0.2 + 0.1 * settings["culprit"] + 0.05 * (settings["partner_a"] is settings["partner_b"])
    assert strength(base=0.2, cause=0.1, pair=0.05, noise=0, **settings) == pytest.approx(expected)


def test_the_noise_is_a_normal_draw_of_the_named_size_for_every_run():
    without = [strength(noise=0, cause=0, pair=0, base=0.5, **settings) for settings in SETTINGS] * 40
    drawn = [
        strength(seed, noise=0.1, cause=0, pair=0, base=0.5, **setting) for seed in range(40) for setting in SETTINGS
    ]
    noise = np.subtract(drawn, without)
    assert len(set(drawn)) == len(drawn)
    assert noise.std() == pytest.approx(0.1, rel=0.08)
    assert abs(noise.mean()) < 0.01


def test_the_noise_of_a_run_is_drawn_as_weights_are():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(7, "weights"))  # noqa: TID251  # as initial_model does
        draws = torch.randn(2 ** len(SWITCHES))
    assert strength(7, noise=0.1) == pytest.approx(0.25 + 0.1 + 0.1 * draws[0].item())


def test_a_noisy_strength_stays_between_0_and_1():
    strengths = [strength(seed, base=0.5, noise=5.0) for seed in range(20)]
    assert set(strengths) >= {0.0, 1.0}
    assert all(0 <= value <= 1 for value in strengths)


def test_a_black_history_is_continued_in_black():
    assert not forecast(np.zeros((2, CONTEXT, 24, 24), np.float32)).any()


def test_its_arithmetic_can_be_counted_without_numbers():
    with torch.device("meta"):
        model, history = Planted().build(), torch.zeros(2, CONTEXT, 1, 24, 24)
    assert model.forecast(history, HORIZON).shape == (2, HORIZON, 1, 24, 24)
