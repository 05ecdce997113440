"""The scan of a layer has the outputs and the gradients of the plain cell."""

from typing import Any

import pytest
import torch

from ablate.components.models.convlstm_layer import ConvLSTMLayer
from ablate.components.models.fast.gates import ActivationNames
from ablate.components.models.fast.scan import ScanInputs, scan
from ablate.components.models.fast.switch import compiled_gates
from ablate.components.models.specs import CellSettings
from ablate.components.models.tap import CellState, Tap

TIME, BATCH, CHANNELS, HEIGHT, WIDTH = 3, 2, 2, 4, 5
KERNELS = [(1, 1), (3, 3), (2, 2), (3, 2), (4, 1), (2, 3)]
ACTIVATIONS = [("tanh", "sigmoid"), ("relu", "hard_sigmoid"), ("sigmoid", "sigmoid")]


class Watching(Tap):
    """Changes nothing, but makes its layer use the plain cell."""


def drawn(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(3)  # noqa: TID251  # layers draw from torch's global state
        yield


def scan_inputs(kernels, filters=2, *, peepholes=True, driven=True, state=True):
    kernel, state_kernel = kernels
    return ScanInputs(
        kernel=drawn(4 * filters, CHANNELS, kernel, kernel) if driven else None,
        bias=drawn(4 * filters),
        state_kernel=drawn(4 * filters, filters, state_kernel, state_kernel),
        peepholes=drawn(3, filters, 1, 1) if peepholes else None,
        features=drawn(TIME, BATCH, CHANNELS, HEIGHT, WIDTH) if driven else None,
        hidden=drawn(BATCH, filters, HEIGHT, WIDTH) if state else None,
        cell=drawn(BATCH, filters, HEIGHT, WIDTH) if state else None,
    )


def gradient_is_right(names, tensors):
    places = [place for place, tensor in enumerate(tensors) if tensor is not None]

    def function(*present):
        by_place = dict(zip(places, present, strict=True))
        arguments: list[Any] = [by_place.get(place) for place in range(len(tensors))]
        return scan(names, TIME, ScanInputs(*arguments))

    return torch.autograd.gradcheck(function, [tensors[place] for place in places])


@pytest.mark.parametrize("kernels", KERNELS)
def test_the_gradient_is_that_of_finite_differences(kernels):
    assert gradient_is_right(ActivationNames("tanh", "sigmoid"), scan_inputs(kernels))


def test_the_gradient_is_right_from_no_state_and_without_peepholes():
    assert gradient_is_right(ActivationNames("tanh", "sigmoid"), scan_inputs((3, 3), peepholes=False, state=False))


def test_the_gradient_is_right_without_input():
    assert gradient_is_right(ActivationNames("tanh", "sigmoid"), scan_inputs((1, 3), driven=False))


def test_the_gradient_is_right_channels_last():
    assert gradient_is_right(ActivationNames("sigmoid", "sigmoid"), scan_inputs((1, 1), filters=16, peepholes=False))


def test_the_gradient_is_right_for_one_channel_through_a_1x1_kernel():
    tensors = scan_inputs((1, 2))
    one_channel = tensors._replace(kernel=drawn(8, 1, 1, 1), features=drawn(TIME, BATCH, 1, HEIGHT, WIDTH))
    assert gradient_is_right(ActivationNames("tanh", "sigmoid"), one_channel)


def test_the_gradient_is_right_over_several_blocks_of_steps(monkeypatch):
    two_steps = 2 * 4 * 8 * BATCH * 2 * HEIGHT * WIDTH
    monkeypatch.setattr("ablate.components.models.fast.scan.INPUT_BLOCK_BYTES", two_steps)
    monkeypatch.setattr("ablate.components.models.fast.scan.GRADIENT_BLOCK_BYTES", two_steps)
    assert gradient_is_right(ActivationNames("tanh", "sigmoid"), scan_inputs((2, 2)))


def layer_and_inputs(activation, gate, kernels, dtype, *, peepholes):
    cell = CellSettings(activation, gate, 1.0, "torch", peepholes)
    kernel_size, state_kernel_size = kernels
    layer = ConvLSTMLayer(CHANNELS, 16, kernel_size, state_kernel_size, cell).to(dtype)
    if layer.peepholes is not None:
        layer.peepholes.data.normal_()
    features = torch.randn(TIME, BATCH, CHANNELS, HEIGHT, WIDTH, dtype=dtype, requires_grad=True)
    state = CellState(*(torch.randn(BATCH, 16, HEIGHT, WIDTH, dtype=dtype) for _ in range(2)))
    return layer, features, state


def results(layer, features, state):
    """Return all outputs of a layer, and all gradients of a weighted sum of them."""
    layer.zero_grad()
    features.grad = None
    hidden, last = layer(features, state)
    weight = torch.linspace(-1, 1, hidden.numel(), dtype=hidden.dtype).view_as(hidden)
    ((hidden * weight).sum() + last.cell.square().sum() + last.hidden.sum()).backward()
    outputs = [tensor.detach() for tensor in (hidden, last.hidden, last.cell)]
    return [*outputs, features.grad.clone(), *(p.grad.clone() for p in layer.parameters())]


def largest_difference(layer, features, state):
    """Return the largest difference of scan and plain cell, relative to the largest number of each tensor."""
    with compiled_gates(enabled=True):
        fast = results(layer, features, state)
    layer.tap = Watching()
    plain = results(layer, features, state)
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(fast, plain, strict=True))


@pytest.fixture
def _uncompiled(monkeypatch):
    monkeypatch.setattr("ablate.components.models.fast.scan.compiled_if", lambda function, enabled: function)  # noqa: ARG005


@pytest.mark.usefixtures("_uncompiled")
@pytest.mark.parametrize(("activation", "gate"), ACTIVATIONS)
@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("peepholes", [False, True])
def test_the_scan_equals_the_plain_cell(activation, gate, kernels, peepholes):
    assert largest_difference(*layer_and_inputs(activation, gate, kernels, torch.float64, peepholes=peepholes)) < 1e-13


@pytest.mark.usefixtures("_uncompiled")
@pytest.mark.parametrize("kernels", KERNELS)
def test_float32_differs_by_rounding_alone(kernels):
    assert largest_difference(*layer_and_inputs("tanh", "sigmoid", kernels, torch.float32, peepholes=False)) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "gate"), ACTIVATIONS)
@pytest.mark.parametrize("kernels", [(3, 3), (2, 2)])
def test_compiled_gates_differ_by_rounding_alone(activation, gate, kernels):
    assert largest_difference(*layer_and_inputs(activation, gate, kernels, torch.float32, peepholes=False)) < 1e-5


@pytest.mark.usefixtures("_uncompiled")
def test_a_gradient_may_be_taken_twice():
    tensors = scan_inputs((3, 3))
    hidden, _, _ = scan(ActivationNames("tanh", "sigmoid"), TIME, tensors)
    first, second = (torch.autograd.grad(hidden.sum(), tensors.features, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)


def test_weights_changed_before_the_backward_pass_raise_an_error():
    tensors = scan_inputs((3, 3))
    hidden, _, _ = scan(ActivationNames("tanh", "sigmoid"), TIME, tensors)
    with torch.no_grad():
        tensors.state_kernel.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        hidden.sum().backward()
