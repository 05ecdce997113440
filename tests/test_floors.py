import pytest
import torch

from ablate.components.models import Blank, Persistence

FLOORS = [Persistence(), Blank()]


@pytest.fixture
def history():
    return torch.rand(2, 4, 1, 6, 6, generator=torch.Generator().manual_seed(0))


def test_copying_the_last_frame_repeats_it(history):
    forecast = Persistence().build().forecast(history, 3)
    assert all(torch.equal(forecast[:, step], history[:, 3]) for step in range(3))


def test_the_guess_that_nothing_moves_is_the_frames_themselves(history):
    assert torch.equal(Persistence().build().one_step(history), history)


def test_a_copy_may_be_written_to_without_touching_the_frames(history):
    before = history.clone()
    floor = Persistence().build()
    floor.one_step(history).zero_()
    floor.forecast(history, 1).zero_()
    assert torch.equal(history, before)


def test_a_blank_forecast_is_black(history):
    floor = Blank().build()
    assert torch.equal(floor.forecast(history, 3), torch.zeros(2, 3, 1, 6, 6))
    assert torch.equal(floor.one_step(history), torch.zeros(2, 4, 1, 6, 6))


@pytest.mark.parametrize("spec", FLOORS, ids=lambda spec: spec.kind)
def test_a_floor_has_nothing_to_train_or_to_store(spec):
    assert not spec.trainable
    assert spec.build().state_dict() == {}
