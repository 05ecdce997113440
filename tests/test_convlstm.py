from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.signal import correlate2d

from ablate.components.models import ConvLSTM
from ablate.components.models.convolution import same_conv2d
from ablate.components.models.specs import GroupNormalization

CASE = {"kernel_size": [1, 2, 1, 2], "activation": "relu", "gate_activation": "hard_sigmoid"}


def parameters(spec):
    return sum(parameter.numel() for parameter in spec.build().parameters())


def test_the_network_of_the_case_has_as_many_parameters_as_posted():
    assert parameters(ConvLSTM.model_validate(CASE)) == 312_641


def test_batch_normalization_adds_two_weights_per_filter():
    assert parameters(ConvLSTM.model_validate(CASE | {"normalization": {"kind": "batch"}})) == 312_641 + 4 * 2 * 64


@pytest.mark.parametrize("head", ["frame", "conv3d", "causal3d"])
def test_a_sequence_may_be_continued_from_its_state(head):
    model = ConvLSTM(layers=2, filters=3, head=head).build()
    frames = torch.rand(2, 7, 1, 8, 8)
    at_once, _ = model(frames)
    first, state = model(frames[:, :4])
    second, _ = model(frames[:, 4:], state)
    continued = torch.cat([first, second], dim=1)
    # the head with leakage needs the next step, which is missing at the end of a part
    seam = [3] if head == "conv3d" else []
    same = [t for t in range(7) if t not in seam]
    assert torch.allclose(continued[:, same], at_once[:, same], atol=1e-6)


def test_a_forecast_of_the_head_with_leakage_equals_running_every_prefix():
    model = ConvLSTM(layers=1, filters=3, head="conv3d").build().eval()
    prefix = torch.rand(1, 4, 1, 8, 8)
    forecast = model.forecast(prefix, 3)
    for _ in range(3):
        prefix = torch.cat([prefix, model.one_step(prefix)[:, -1:]], dim=1)
    assert torch.allclose(forecast, prefix[:, 4:], atol=1e-6)


def test_one_step_of_a_layer_equals_a_step_in_numpy():
    model = ConvLSTM(layers=1, filters=1, kernel_size=3, activation="tanh", peepholes=True).build()
    layer: Any = model.layers[0]
    with torch.no_grad():
        layer.peepholes.copy_(torch.tensor([0.3, -0.2, 0.5]).view(3, 1, 1, 1))
    frames = torch.rand(2, 1, 1, 6, 6)
    hidden, _ = layer(frames)
    w, u, b = (p.detach().numpy() for p in (layer.kernel, layer.state_kernel, layer.bias))
    sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731  # as in the paper
    h, c = np.zeros((6, 6)), np.zeros((6, 6))
    for x in frames[:, 0, 0].numpy():
        i, f, g, o = (correlate2d(x, w[k, 0], "same") + correlate2d(h, u[k, 0], "same") + b[k] for k in range(4))
        new = sigmoid(f - 0.2 * c) * c + sigmoid(i + 0.3 * c) * np.tanh(g)
        h, c = sigmoid(o + 0.5 * new) * np.tanh(new), new
    np.testing.assert_allclose(hidden[-1, 0, 0].detach().numpy(), h, atol=1e-6)


def test_even_kernels_pad_on_the_right_and_at_the_bottom():
    dot = torch.zeros(1, 1, 4, 4)
    dot[0, 0, 2, 2] = 1
    assert same_conv2d(dot, torch.ones(1, 1, 2, 2))[0, 0].nonzero().tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]


def test_a_list_needs_one_value_per_layer():
    with pytest.raises(ValidationError, match="kernel_size: 3 values for 4 layers"):
        ConvLSTM(layers=4, kernel_size=(1, 2, 3))


def test_groups_must_divide_the_filters():
    with pytest.raises(ValidationError, match="6 filters cannot be split into 4 groups"):
        ConvLSTM(filters=6, normalization=GroupNormalization(groups=4))
