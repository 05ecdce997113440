import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import pytest
import torch

from ablate.components.data import MovingMNIST
from ablate.components.data.batches import as_video
from ablate.core.errors import SpecError
from ablate.diagnosis.diagnose import DiagnosisSettings, diagnose
from ablate.diagnosis.foreign_keras import keras2_hard_sigmoid, load_keras
from ablate.diagnosis.foreign_torch import load_torch

SMALL = DiagnosisSettings(frame_size=24, digits=1, context=6, horizon=4, clips=6)


def findings(diagnosis):
    return {finding.probe: finding for finding in diagnosis.findings}


def conv_lstm(kernel, **fields):
    return keras.layers.ConvLSTM2D(3, kernel, padding="same", return_sequences=True, **fields)


def saved_network(path, kernels, head_kernel, **fields):
    keras.utils.set_random_seed(0)
    layers = [conv_lstm(kernel, **fields) for kernel in kernels]
    normalized = [part for layer in layers for part in (layer, keras.layers.BatchNormalization())]
    head = keras.layers.Conv3D(1, head_kernel, padding="same", activation="sigmoid")
    keras.Sequential([keras.Input((None, 24, 24, 1)), *normalized, head]).save(path)
    return load_keras(path)


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """The network of the case, untrained, with three filters."""
    path = tmp_path_factory.mktemp("case") / "case.keras"
    cell = {"activation": "relu", "recurrent_activation": keras2_hard_sigmoid}
    return diagnose(saved_network(path, (1, 2, 1, 2), 1, **cell), SMALL)


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The network of the Keras example, untrained, with three filters."""
    return diagnose(saved_network(tmp_path_factory.mktemp("example") / "example.keras", (3, 3), 3), SMALL)


def test_the_network_of_the_case_does_not_look_ahead(case):
    assert findings(case)["leak"].numbers["looks_ahead"] == 0
    assert findings(case)["leak"].numbers["depends_on_other_clips"] is False
    assert findings(case)["positions"].numbers["difference"] == pytest.approx(0, abs=1e-6)


def test_the_network_of_the_case_carries_nothing_down_or_right(case):
    assert findings(case)["receptive_field"].numbers["carries_down_and_right"] == 0
    assert "too little to follow them" in findings(case)["receptive_field"].sentences[0]


def test_the_keras_example_looks_one_frame_ahead(example):
    assert findings(example)["leak"].numbers["looks_ahead"] == 1
    assert example.advice[0].startswith("Remove the look-ahead leakage: the model sees 1 frame ahead")
    assert abs(findings(example)["positions"].numbers["difference"]) > 1e-6


def test_a_keras_model_is_known_to_guess_at_every_position(case):
    assert "at every position" in case.conventions[0]


def last_frame(frames):
    return frames[:, -1:].expand_as(frames)


def test_a_model_that_copies_is_told_so():
    diagnosis = diagnose(last_frame, SMALL)
    assert diagnosis.summary.alignment.copies == "last_known_frame"
    assert any("repeats the last known frame" in advice for advice in diagnosis.advice)


def late_oracle(settings, late):
    """A model that knows the clips, and returns the frames to come so many frames late."""
    frames = settings.context + settings.horizon
    spec = MovingMNIST(frame_size=settings.frame_size, digits=settings.digits)
    known = as_video(torch.from_numpy(spec.build(0).held_out(settings.clips, frames)))

    def model(frames):
        matches = (known[None, :, : settings.context] == frames[:, None]).flatten(2).all(dim=2)
        clips = known[matches.int().argmax(dim=1)]
        return clips[:, settings.context - late : settings.context - late + settings.horizon]

    return model


def test_a_forecast_that_comes_two_frames_late_is_told_so():
    diagnosis = diagnose(late_oracle(SMALL, late=2), SMALL)
    assert any(advice.startswith("Shift the forecast by 2 frames: it is compared late") for advice in diagnosis.advice)


def test_a_perfect_forecast_is_left_in_peace():
    diagnosis = diagnose(late_oracle(SMALL, late=0), SMALL)
    assert diagnosis.summary.curves["mse"].mean == 0
    assert diagnosis.advice[0].startswith("No measurement calls for a change")


SOURCE = """
import torch

class Blend(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.share = torch.nn.Parameter(torch.tensor(0.0))

    def forward(self, frames):
        ahead = torch.cat([frames[:, 1:], frames[:, -1:]], dim=1)
        return self.share * ahead + (1 - self.share) * frames
"""


def test_a_torch_file_with_a_checkpoint_is_judged_by_the_weights_of_the_checkpoint(tmp_path):
    (tmp_path / "blend.py").write_text(SOURCE)
    torch.save({"state_dict": {"module.share": torch.tensor(0.5)}}, tmp_path / "w.pt")
    trained = diagnose(load_torch(f"{tmp_path / 'blend.py'}:Blend", tmp_path / "w.pt"), SMALL)
    untrained = diagnose(load_torch(f"{tmp_path / 'blend.py'}:Blend", None), SMALL)
    assert findings(trained)["leak"].numbers["looks_ahead"] == 1
    assert findings(trained)["positions"].numbers["difference"] > 0
    assert findings(untrained)["leak"].numbers["looks_ahead"] == 0


def test_a_model_without_gradients_is_not_asked_for_them():
    asked = findings(diagnose(lambda frames: np.asarray(frames) * 0.9, SMALL))
    assert "receptive_field" not in asked
    assert "leak" in asked


def test_a_model_that_sees_a_window_is_not_asked_for_its_inner_positions():
    assert "positions" not in findings(diagnose(last_frame, SMALL))


def test_the_example_shows_the_strongest_clips_first_then_the_weakest():
    diagnosis = diagnose(last_frame, SMALL)
    order = [*diagnosis.summary.strongest, *diagnosis.summary.weakest]
    assert diagnosis.example.clips.tolist() == order
    clips = MovingMNIST(frame_size=24, digits=1).build(0).held_out(6, 10)
    assert np.array_equal(diagnosis.example.history, clips[order, :6])
    assert np.array_equal(diagnosis.example.target, clips[order, 6:])
    assert np.array_equal(diagnosis.example.forecast, np.repeat(clips[order, 5:6], 4, axis=1))


def test_without_any_ghost_ratio_the_first_clip_is_shown():
    diagnosis = diagnose(lambda frames: 0 * frames, SMALL)
    assert diagnosis.summary.undefined == diagnosis.summary.clips * diagnosis.summary.steps
    assert diagnosis.example.clips.tolist() == [0]


def test_each_seed_has_clips_of_its_own():
    first, second = (
        diagnose(last_frame, DiagnosisSettings(24, 1, None, 6, 4, 6, seed)).example.target for seed in (0, 1)
    )
    assert not np.array_equal(first[0], second[0])


def test_clips_that_cannot_be_made_are_told_in_one_line():
    with pytest.raises(SpecError, match=r"frame_size: found 8; .*16") as caught:
        diagnose(last_frame, DiagnosisSettings(frame_size=8))
    assert "\n" not in str(caught.value)
