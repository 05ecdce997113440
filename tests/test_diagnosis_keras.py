import os
import subprocess
import sys

os.environ["KERAS_BACKEND"] = "torch"

import keras
import pytest
import torch

from ablate.commands.diagnose import ModelSource
from ablate.components.models.activation import hard_sigmoid
from ablate.core.errors import AblateError, DataError
from ablate.diagnosis.foreign_keras import keras2_hard_sigmoid, load_keras


def saved(path, *layers, side=8):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((None, side, side, 1)), *layers])
    model.save(path)
    return model


FRAMES = torch.rand(2, 4, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def test_a_saved_model_gives_the_same_frames_with_channels_where_torch_has_them(tmp_path):
    theirs = saved(tmp_path / "m.keras", keras.layers.Conv3D(1, 3, padding="same", activation="sigmoid"))
    ours = load_keras(tmp_path / "m.keras")(FRAMES)
    assert torch.equal(ours, theirs(FRAMES.permute(0, 1, 3, 4, 2)).permute(0, 1, 4, 2, 3))


def test_a_model_of_the_next_frame_only_gives_one_frame(tmp_path):
    saved(tmp_path / "m.keras", keras.layers.ConvLSTM2D(1, 3, padding="same", activation="sigmoid"))
    assert load_keras(tmp_path / "m.keras")(FRAMES).shape == (2, 1, 8, 8)


def test_gradients_run_through_it_to_the_frames(tmp_path):
    saved(tmp_path / "m.keras", keras.layers.Conv3D(1, 3, padding="same"))
    frames = FRAMES.clone().requires_grad_()
    load_keras(tmp_path / "m.keras")(frames).sum().backward()
    assert frames.grad is not None
    assert frames.grad.abs().sum() > 0


def test_dropout_is_off(tmp_path):
    saved(tmp_path / "m.keras", keras.layers.Dropout(0.9))
    assert torch.equal(load_keras(tmp_path / "m.keras")(FRAMES), FRAMES)


def test_the_hard_sigmoid_of_keras_2_is_that_of_our_cells_and_can_be_loaded(tmp_path):
    x = torch.linspace(-4, 4, 33)
    assert torch.allclose(keras2_hard_sigmoid(x), hard_sigmoid(x))
    saved(tmp_path / "m.keras", keras.layers.Activation(keras2_hard_sigmoid))
    assert torch.allclose(load_keras(tmp_path / "m.keras")(FRAMES), hard_sigmoid(FRAMES))


def test_a_lambda_layer_is_refused(tmp_path):
    saved(tmp_path / "m.keras", keras.layers.Lambda(lambda x: x + 1))
    with pytest.raises(DataError, match="has a Lambda layer, which would run code"):
        load_keras(tmp_path / "m.keras")


def test_a_layer_of_somebodys_own_is_refused_by_its_name(tmp_path):
    class Own(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
        def call(self, x):
            return x

    saved(tmp_path / "m.keras", Own())
    with pytest.raises(DataError, match=r"uses class 'Own', which only its author has.*Python file") as caught:
        load_keras(tmp_path / "m.keras")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.txt"])
def test_what_is_no_keras_file_is_told_in_one_line(tmp_path, name):
    with pytest.raises(DataError, match="no such file"):
        load_keras(tmp_path / name)
    (tmp_path / name).write_text("hello")
    with pytest.raises(DataError, match="is no model that Keras can load") as caught:
        load_keras(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_without_keras_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    monkeypatch.delitem(sys.modules, "ablate.diagnosis.foreign_keras")
    with pytest.raises(AblateError, match=r"pip install 'ablate-convlstm\[keras\]'"):
        ModelSource(None, None, tmp_path / "m.keras").load()


def test_another_backend_in_use_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(AblateError, match="runs on jax here, and must run on torch"):
        load_keras(tmp_path / "m.keras")


@pytest.mark.slow  # imports Keras and torch anew
def test_torch_is_chosen_whatever_the_environment_says(tmp_path):
    saved(tmp_path / "m.keras", keras.layers.Conv3D(1, 1))
    code = "import sys, pathlib, ablate.diagnosis.foreign_keras as f; f.load_keras(pathlib.Path(sys.argv[1]))"
    subprocess.run(
        [sys.executable, "-c", code, tmp_path / "m.keras"], check=True, env=os.environ | {"KERAS_BACKEND": "jax"}
    )
