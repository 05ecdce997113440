import pytest
import torch

from ablate.components.models import Blank, Persistence

BASELINES = [Persistence(), Blank()]


@pytest.fixture
def history():
    return torch.rand(2, 4, 1, 6, 6, generator=torch.Generator().manual_seed(0))


def test_persistence_repeats_the_last_frame(history):
    forecast = Persistence().build().forecast(history, 3)
    assert all(torch.equal(forecast[:, step], history[:, 3]) for step in range(3))


def test_the_one_step_prediction_of_persistence_is_its_input(history):
    assert torch.equal(Persistence().build().one_step(history), history)


def test_writing_to_a_forecast_does_not_change_the_frames(history):
    before = history.clone()
    baseline = Persistence().build()
    baseline.one_step(history).zero_()
    baseline.forecast(history, 1).zero_()
    assert torch.equal(history, before)


def test_a_blank_forecast_is_black(history):
    baseline = Blank().build()
    assert torch.equal(baseline.forecast(history, 3), torch.zeros(2, 3, 1, 6, 6))
    assert torch.equal(baseline.one_step(history), torch.zeros(2, 4, 1, 6, 6))


@pytest.mark.parametrize("spec", BASELINES, ids=lambda spec: spec.kind)
def test_a_baseline_has_no_weights(spec):
    assert not spec.trainable
    assert spec.build().state_dict() == {}
