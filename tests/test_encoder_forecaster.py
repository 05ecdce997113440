import pytest
import torch

from ablate.models import EncoderForecaster

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
        model = spec.model_copy(update={"initialisation": "torch"}).build()
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters


def test_the_forecast_depends_on_every_frame_of_the_history():
    model = EncoderForecaster(layers=2, filters=4, kernel_size=3).build()
    history = torch.rand(1, 5, 1, 8, 8, requires_grad=True)
    model.forecast(history, 2).sum().backward()
    assert (history.grad.abs().amax(dim=(0, 2, 3, 4)) > 0).all()


def test_patches_must_divide_the_frame():
    with pytest.raises(ValueError, match="patches of 4 pixels do not divide frames of 10 x 10"):
        EncoderForecaster(layers=1, filters=2).build().forecast(torch.rand(1, 2, 1, 10, 10), 1)
