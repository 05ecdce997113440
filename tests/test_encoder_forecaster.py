import pytest
import torch

from ablate.components.models import EncoderForecaster
from ablate.core.errors import SpecError

PUBLISHED = [  # Shi et al. 2015, tables 1 and 2: filters, input kernel, state kernel, parameters
    ((256,), 5, 5, 13_524_496),
    ((128, 128), 5, 5, 10_042_896),
    ((128, 64, 64), 5, 5, 7_585_296),
    ((128, 128), 9, 1, 11_550_224),
    ((128, 64, 64), 9, 1, 8_830_480),
]


@pytest.mark.parametrize(("filters", "kernel", "state_kernel", "parameters"), PUBLISHED)
def test_it_has_as_many_parameters_as_published(filters, kernel, state_kernel, parameters):
    spec = EncoderForecaster(layers=len(filters), filters=filters, kernel_size=kernel, state_kernel_size=state_kernel)
    with torch.device("meta"):
        model = spec.model_copy(update={"initialization": "torch"}).build()
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters


def test_the_forecast_depends_on_every_frame_of_the_history():
    model = EncoderForecaster(layers=2, filters=4, kernel_size=3).build()
    history = torch.rand(1, 5, 1, 8, 8, requires_grad=True)
    model.forecast(history, 2).sum().backward()
    assert history.grad is not None
    assert (history.grad.abs().amax(dim=(0, 2, 3, 4)) > 0).all()


def test_patches_must_divide_the_frame():
    with pytest.raises(SpecError, match=r"model\.patch: 4 does not divide frames of 10 x 10 pixels; take a patch"):
        EncoderForecaster(layers=1, filters=2).build().forecast(torch.rand(1, 2, 1, 10, 10), 1)


def test_a_patch_becomes_the_channels_of_one_pixel():
    model = EncoderForecaster(layers=1, filters=2, patch=2).build()
    patches = model._patches(torch.arange(16.0).view(1, 1, 1, 4, 4))
    assert patches[0, 0, :, 0, 1].tolist() == [2, 3, 6, 7]


def test_states_are_copied_layer_by_layer_and_only_the_lowest_forecaster_layer_is_undriven():
    model = EncoderForecaster(layers=2, filters=(3, 2), kernel_size=3).build()
    assert model.lowest.kernel is None
    history, calls = torch.rand(1, 4, 1, 8, 8), {}
    hooks = {"encoder 0": model.encoder[0], "encoder 1": model.encoder[1], "upper": model.upper[0]}
    for name, layer in hooks.items():
        layer.register_forward_hook(lambda _, inputs, output, name=name: calls.update({name: (inputs, output)}))
    model.forecast(history, 2)
    lowest, _ = model.lowest.undriven(2, calls["encoder 0"][1][1])
    assert torch.equal(calls["upper"][0][0], lowest)
    assert calls["upper"][0][1] is calls["encoder 1"][1][1]


def test_the_frame_depends_on_all_forecaster_states():
    model = EncoderForecaster(layers=3, filters=(2, 3, 4), kernel_size=3).build()
    assert model.head.weight.shape == (16, 2 + 3 + 4, 1, 1)


def test_each_prediction_is_the_forecast_from_its_prefix():
    model = EncoderForecaster(layers=1, filters=3, kernel_size=3).build()
    frames = torch.rand(1, 4, 1, 8, 8)
    assert torch.equal(model.one_step(frames)[:, 1:2], model.forecast(frames[:, :2], 1))


def test_a_forecast_is_the_sigmoid_of_its_logits():
    model = EncoderForecaster(layers=1, filters=3, kernel_size=3).build()
    history = torch.rand(1, 3, 1, 8, 8)
    assert torch.equal(model.forecast(history, 2), torch.sigmoid(model.logits(history, 2)))
