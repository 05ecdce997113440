"""Layers are watched and changed from inside, by name, and left as they were."""

import numpy as np
import pytest
import torch

from ablate.components.models import ConvLSTM, EncoderForecaster
from ablate.components.models.tap import CellState, Tap
from ablate.diagnosis.probes.cell_state import Decay, Reset
from ablate.diagnosis.probes.probe import Subject, layers_of, tapped, tapped_rollout, taps_in

CONTEXT, HORIZON = 3, 4
SPECS: dict[str, ConvLSTM | EncoderForecaster] = {
    "convlstm": ConvLSTM(layers=2, filters=2, kernel_size=3, peepholes=True),
    "encoder-forecaster": EncoderForecaster(layers=2, filters=2, kernel_size=3, patch=2),
}
LAYERS = {
    "convlstm": ["layers.0", "layers.1"],
    "encoder-forecaster": ["encoder.0", "encoder.1", "lowest", "upper.0"],
}
every_network = pytest.mark.parametrize("name", SPECS)


def subject(name, batch=2):
    with torch.random.fork_rng():
        torch.manual_seed(0)  # noqa: TID251  # layers draw from torch's global state
        model = SPECS[name].build().eval()
        clips = torch.rand(3, CONTEXT + HORIZON, 1, 12, 12)
    return Subject(model, clips, CONTEXT, HORIZON, None, batch=batch)


class Journal(Tap):
    """Writes down which of its methods a layer calls."""

    def __init__(self):
        self.calls = []

    def before(self, state):
        self.calls.append("before")
        return state

    def input_gate(self, gate):
        self.calls.append("input_gate")
        return gate

    def forget_gate(self, gate):
        self.calls.append("forget_gate")
        return gate

    def after(self, state):
        self.calls.append("after")
        return state


@every_network
def test_layers_are_named_as_torch_names_them(name):
    assert list(layers_of(subject(name).model)) == LAYERS[name]


@every_network
def test_a_tap_that_only_watches_leaves_the_forecast_as_it_is(name):
    about = subject(name)
    watched = tapped_rollout(about, taps_in(LAYERS[name], Journal))
    # a layer that nobody watches takes its steps in one go, which rounds otherwise
    np.testing.assert_allclose(watched, about.rollout(), rtol=0, atol=1e-6)


def test_the_first_step_of_a_sequence_has_no_state_and_so_no_forget_gate():
    journal, about = Journal(), subject("convlstm")
    with tapped(about.model, {"layers.0": journal}):
        about.model.forecast(about.clips[:, :2], 1)
    assert journal.calls == ["input_gate", "after", "before", "input_gate", "forget_gate", "after"]


def test_a_layer_of_the_forecaster_has_a_state_from_its_first_step():
    journal, about = Journal(), subject("encoder-forecaster")
    with tapped(about.model, {"lowest": journal}):
        about.model.forecast(about.clips[:, :2], 1)
    assert journal.calls == ["before", "input_gate", "forget_gate", "after"]


@every_network
def test_every_layer_can_be_changed_by_itself(name):
    about = subject(name)
    own = about.rollout()
    for layer in LAYERS[name]:
        assert abs(tapped_rollout(about, taps_in([layer], lambda: Decay(0.5))) - own).max() > 1e-6


@every_network
def test_a_tap_counts_steps_of_its_own_batch_alone(name):
    resets = taps_in(LAYERS[name], lambda: Reset(2))
    one_by_one, together = (tapped_rollout(subject(name, batch), resets) for batch in (1, 3))
    assert one_by_one == pytest.approx(together, abs=1e-6)


def test_taps_are_taken_out_after_a_fault():
    model = subject("convlstm").model
    own = [layer.tap for layer in layers_of(model).values()]
    with pytest.raises(ArithmeticError), tapped(model, {"layers.1": Journal()}):
        raise ArithmeticError
    assert [layer.tap for layer in layers_of(model).values()] == own


def test_a_tap_within_another_gives_the_layer_back_to_it():
    model, outer = subject("convlstm").model, Journal()
    with tapped(model, {"layers.0": outer}):
        with tapped(model, {"layers.0": Journal()}):
            pass
        assert layers_of(model)["layers.0"].tap is outer


def test_a_state_that_overflowed_is_reset_to_zero_too():
    overflowed = CellState(torch.full((1, 1, 2, 2), torch.inf), torch.full((1, 1, 2, 2), torch.nan))
    reset = Reset(1, both=True).before(overflowed)
    assert not reset.hidden.any()
    assert not reset.cell.any()
