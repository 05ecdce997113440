from typing import Any

import pytest
import torch
from torch import nn

from ablate.components.models import ConvLSTM, EncoderForecaster
from ablate.components.models.initialization import fill_convolution


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)  # noqa: TID251  # layers draw from torch's global state
        yield


def limit_reached_by(values, limit):
    return values.abs().max().item() == pytest.approx(limit, rel=2e-3) and values.abs().max() <= limit


def test_kernels_fill_the_interval_of_glorot():
    kernel = ConvLSTM(layers=2, filters=32, kernel_size=3).build().layers[1].kernel
    assert limit_reached_by(kernel, (6 / (9 * 32 + 9 * 4 * 32)) ** 0.5)  # fan in and fan out


@pytest.mark.parametrize("head", ["frame", "conv3d", "causal3d"])
def test_as_in_keras_only_the_forget_gate_starts_with_a_bias(head):
    model: Any = ConvLSTM(layers=2, filters=2, head=head, forget_bias=0.5).build()
    assert all(layer.bias.tolist() == [0, 0, 0.5, 0.5, 0, 0, 0, 0] for layer in model.layers)
    assert model.head.conv.bias.item() == 0


def test_as_in_keras_the_encoder_forecasters_head_starts_without_a_bias():
    bias = EncoderForecaster(layers=2, filters=2).build().head.bias
    assert bias is not None
    assert not bias.any()


@pytest.mark.parametrize("convolution", [lambda: nn.Conv2d(3, 5, 2), lambda: nn.Conv3d(3, 1, 3)], ids=["2d", "3d"])
def test_torch_initialization_equals_that_of_a_torch_convolution(convolution):
    ours = convolution()
    torch.manual_seed(7)  # noqa: TID251  # as above
    expected = convolution()
    torch.manual_seed(7)  # noqa: TID251  # as above
    fill_convolution(ours, "torch")
    assert torch.equal(ours.weight, expected.weight)
    assert torch.equal(ours.bias, expected.bias)


def test_a_layer_of_torch_has_the_spread_of_a_torch_convolution():
    layer: Any = (
        ConvLSTM(layers=2, filters=256, kernel_size=3, state_kernel_size=1, initialization="torch").build().layers[1]
    )
    input_limit, state_limit = (9 * 256) ** -0.5, 256**-0.5
    assert limit_reached_by(layer.kernel, input_limit)
    assert limit_reached_by(layer.state_kernel, state_limit)
    i, f, candidate, o = layer.bias.chunk(4)
    assert limit_reached_by(torch.cat([i, candidate, o]), input_limit)
    assert (f == 1).all()
