import os
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import pytest
import torch

from ablate.components.models import ConvLSTM
from ablate.components.models.specs import BatchNormalization, GroupNormalization, LayerNormalization

keras.config.set_floatx("float32")
SMALL = {"layers": 1, "filters": 3, "normalization": {"kind": "batch"}}


def hard_sigmoid_of_keras_2(x):
    return keras.ops.clip(0.2 * x + 0.5, 0, 1)


def keras_network(spec):
    """The same network in Keras: ConvLSTM2D and BatchNormalization alternating, then the head."""
    gate = hard_sigmoid_of_keras_2 if spec.gate_activation == "hard_sigmoid" else "sigmoid"
    layers = [keras.Input((None, 8, 8, 1))]
    for filters, kernel, state_kernel in spec.shapes():
        assert kernel == state_kernel, "Keras has one kernel size for both"
        layers.append(
            keras.layers.ConvLSTM2D(
                filters,
                kernel,
                padding="same",
                return_sequences=True,
                activation=spec.activation,
                recurrent_activation=gate,
            )
        )
        layers.append(keras.layers.BatchNormalization())
    layers.append(keras.layers.Conv3D(1, 3 if spec.head == "conv3d" else 1, padding="same"))
    return keras.Sequential(layers)


def our_network(spec, keras_model):
    """Our network with the weights of the Keras network."""
    our_model = spec.build()
    turns = iter(keras_model.layers)
    with torch.no_grad():
        for layer, norm in zip(our_model.layers, our_model.norms, strict=True):
            cell, batch_norm = next(turns).cell, next(turns)
            layer.kernel.copy_(cell.kernel.value.permute(3, 2, 0, 1))
            layer.state_kernel.copy_(cell.recurrent_kernel.value.permute(3, 2, 0, 1))
            layer.bias.copy_(cell.bias.value)
            norm.weight.copy_(batch_norm.gamma.value)
            norm.bias.copy_(batch_norm.beta.value)
        head = next(turns)
        kernel = head.kernel.value.permute(4, 3, 0, 1, 2)
        our_model.head.conv.weight.copy_(kernel if spec.head == "conv3d" else kernel[:, :, 0])
        our_model.head.conv.bias.copy_(head.bias.value)
    return our_model


def pair(**fields):
    keras.utils.set_random_seed(0)
    spec = ConvLSTM.model_validate(SMALL | fields)
    keras_model = keras_network(spec)
    return our_network(spec, keras_model), keras_model


def clips(seed=1):
    frames = torch.rand(2, 5, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
    return frames.requires_grad_(), frames.detach().permute(0, 1, 3, 4, 2).requires_grad_()


def assert_close(our_model, keras_model):
    our_model, keras_model = our_model.detach().numpy(), keras_model.detach().numpy()
    np.testing.assert_allclose(our_model, keras_model, rtol=2e-4, atol=2e-5 * max(1.0, np.abs(keras_model).max()))


every_cell = pytest.mark.parametrize("activation", ["relu", "tanh"])
every_kernel = pytest.mark.parametrize("kernel", [1, 2, 3, 5])
every_gate = pytest.mark.parametrize("gate", ["sigmoid", "hard_sigmoid"])


@every_cell
@every_kernel
@every_gate
def test_outputs_are_those_of_keras(kernel, activation, gate):
    our_model, keras_model = pair(kernel_size=kernel, activation=activation, gate_activation=gate)
    frames, keras_frames = clips()
    assert_close(our_model(frames)[0].movedim(2, -1), keras_model(keras_frames, training=True))


def assert_same_gradient(our_model, keras_model):
    """Equal by norm: each element sums hundreds of terms of both signs, so small ones are dominated by rounding."""
    assert (our_model - keras_model).norm() <= 1e-4 * keras_model.norm()
    assert keras_model.norm() > 0


def assert_same_gradients(our_model, keras_model):
    """Compare the gradients of the frames and of every weight, in training mode."""
    frames, keras_frames = clips()
    weight = torch.rand(2, 5, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    (our_model(frames)[0] * weight).sum().backward()
    (keras_model(keras_frames, training=True) * weight.movedim(2, -1)).sum().backward()
    assert_same_gradient(frames.grad.movedim(2, -1), keras_frames.grad)
    for index, (layer, norm) in enumerate(zip(our_model.layers, our_model.norms, strict=True)):
        cell, batch_norm = keras_model.layers[2 * index].cell, keras_model.layers[2 * index + 1]
        assert_same_gradient(layer.kernel.grad, cell.kernel.value.grad.permute(3, 2, 0, 1))
        assert_same_gradient(layer.state_kernel.grad, cell.recurrent_kernel.value.grad.permute(3, 2, 0, 1))
        assert_same_gradient(layer.bias.grad, cell.bias.value.grad)
        assert_same_gradient(norm.weight.grad, batch_norm.gamma.value.grad)
        assert_same_gradient(norm.bias.grad, batch_norm.beta.value.grad)
    head, conv = keras_model.layers[-1], our_model.head.conv
    kernel = head.kernel.value.grad.permute(4, 3, 0, 1, 2)
    assert_same_gradient(conv.weight.grad, kernel if conv.weight.dim() == 5 else kernel[:, :, 0])
    assert_same_gradient(conv.bias.grad, head.bias.value.grad)


def assert_same_inference_after_training(our_model, keras_model):
    """Compare inference after some passes in training mode, which update the averages."""
    for seed in range(4):
        frames, keras_frames = clips(seed)
        our_model(frames)
        keras_model(keras_frames, training=True)
    for norm, batch_norm in zip(our_model.norms, keras_model.layers[1::2], strict=True):
        assert_close(norm.moving_mean, batch_norm.moving_mean.value)
        assert_close(norm.moving_variance, batch_norm.moving_variance.value)
    frames, keras_frames = clips(9)
    assert_close(our_model.eval()(frames)[0].movedim(2, -1), keras_model(keras_frames, training=False))


@every_cell
@every_kernel
@every_gate
def test_gradients_are_those_of_keras(kernel, activation, gate):
    assert_same_gradients(*pair(kernel_size=kernel, activation=activation, gate_activation=gate))


def test_moving_averages_are_those_of_keras_and_inference_uses_them():
    assert_same_inference_after_training(*pair(kernel_size=3))


def test_the_moving_variance_is_the_biased_one_as_in_keras():
    our_model: Any = BatchNormalization().build(3).train()
    keras_model = keras.layers.BatchNormalization()
    features = torch.rand(2, 1, 3, 2, 2, generator=torch.Generator().manual_seed(0))  # 8 pixels: the bias is an eighth
    for _ in range(50):
        our_model(features)
        keras_model(features.permute(1, 0, 3, 4, 2), training=True)
    np.testing.assert_allclose(our_model.moving_variance, keras_model.moving_variance.value.detach(), rtol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_layer_normalization_is_that_of_keras(scale):
    features = scale * torch.randn(3, 2, 6, 4, 4, generator=torch.Generator().manual_seed(0))
    keras_model = keras.layers.LayerNormalization()(features.movedim(2, -1))
    assert_close(LayerNormalization().build(6)(features).movedim(2, -1), keras_model)


@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_group_normalization_is_that_of_keras_frame_by_frame(scale):
    features = scale * torch.randn(3, 2, 6, 4, 4, generator=torch.Generator().manual_seed(0))
    our_model, keras_model = GroupNormalization(groups=2).build(6)(features), keras.layers.GroupNormalization(2)
    for step in range(3):
        assert_close(our_model[step].movedim(1, -1), keras_model(features[step].movedim(1, -1)))


CASE = {
    "layers": 4,
    "filters": 4,
    "kernel_size": [1, 2, 1, 2],
    "activation": "relu",
    "gate_activation": "hard_sigmoid",
}
EXAMPLE = {"layers": 4, "filters": 4, "kernel_size": 3, "head": "conv3d"}  # of keras-io, with 40 filters there


def test_the_network_of_the_case_is_that_of_keras():
    our_model, keras_model = pair(**CASE)
    frames, keras_frames = clips()
    assert_close(our_model(frames)[0].movedim(2, -1), keras_model(keras_frames, training=True))


def test_the_network_of_the_case_has_the_gradients_of_keras():
    assert_same_gradients(*pair(**CASE))


def test_the_network_of_the_case_infers_as_keras_does():
    assert_same_inference_after_training(*pair(**CASE))


def test_the_keras_example_with_its_head_over_time_is_that_of_keras():
    our_model, keras_model = pair(**EXAMPLE)
    frames, keras_frames = clips()
    assert_close(our_model(frames)[0].movedim(2, -1), keras_model(keras_frames, training=True))


def test_the_keras_example_has_the_gradients_of_keras():
    assert_same_gradients(*pair(**EXAMPLE))


def test_the_keras_example_infers_as_keras_does():
    assert_same_inference_after_training(*pair(**EXAMPLE))


def test_initial_weights_have_the_spread_of_keras():
    keras.utils.set_random_seed(0)
    torch.manual_seed(0)  # noqa: TID251  # layers draw from torch's global state
    spec = ConvLSTM(layers=1, filters=16, kernel_size=3)
    our_model: Any = spec.build().layers[0]
    keras_model = keras_network(spec).layers[0].cell
    assert our_model.kernel.abs().max() <= keras_model.kernel.value.abs().max() * 1.02
    assert our_model.kernel.std().item() == pytest.approx(keras_model.kernel.value.std().item(), rel=0.05)
    assert our_model.state_kernel.std().item() == pytest.approx(
        keras_model.recurrent_kernel.value.std().item(), rel=0.02
    )


def test_initial_state_kernels_are_orthogonal_as_those_of_keras():
    keras_model = keras_network(ConvLSTM(layers=1, filters=4, kernel_size=3)).layers[0].cell.recurrent_kernel.value
    layer: Any = ConvLSTM(layers=1, filters=4, kernel_size=3).build().layers[0]
    for matrix in (keras_model.reshape(-1, 16).T, layer.state_kernel.flatten(1)):
        assert torch.allclose(matrix @ matrix.T, torch.eye(16), atol=1e-5)


def test_the_initial_forget_bias_is_that_of_keras():
    keras_model = keras_network(ConvLSTM(layers=1, filters=4, kernel_size=1)).layers[0].cell.bias.value
    layer: Any = ConvLSTM(layers=1, filters=4, kernel_size=1).build().layers[0]
    assert torch.equal(layer.bias, keras_model)
