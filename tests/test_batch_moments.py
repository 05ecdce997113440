import pytest
import torch
from torch.nn import functional

from ablate.components.models.fast import switch
from ablate.components.models.fast.batch_moments import normalize_by_batch


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(5)  # noqa: TID251  # a stand-in for features
        yield


def test_the_gradient_is_that_of_finite_differences():
    images, weight, bias = torch.randn(3, 2, 4, 5).double(), torch.randn(2).double(), torch.randn(2).double()
    inputs = [tensor.requires_grad_() for tensor in (images, weight, bias)]
    assert torch.autograd.gradcheck(
        lambda images, weight, bias: normalize_by_batch(images, weight, bias, 1e-3)[0], inputs
    )


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_images_are_normalized_as_torch_does_it(layout):
    images, weight, bias = torch.randn(3, 4, 5, 6).double(), torch.randn(4).double(), torch.randn(4).double()
    ours = normalize_by_batch(images.contiguous(memory_format=layout), weight, bias, 1e-3)[0]
    assert torch.allclose(ours, functional.batch_norm(images, None, None, weight, bias, training=True, eps=1e-3))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_moments_of_a_million_pixels_are_exact_to_rounding(layout):
    images = (torch.rand(240, 4, 64, 64) + 1).contiguous(memory_format=layout)
    _, mean, variance = normalize_by_batch(images, torch.ones(4), torch.zeros(4), 1e-3)
    exact = torch.var_mean(images.double(), (0, 2, 3), correction=0)
    assert torch.allclose(mean.double(), exact[1], rtol=1e-6)
    assert torch.allclose(variance.double(), exact[0], rtol=2e-6)


def test_the_hand_written_gradient_is_that_of_autograd(monkeypatch):
    images, weight, bias = torch.randn(3, 2, 4, 5).double(), torch.randn(2).double(), torch.randn(2).double()
    inputs = [tensor.requires_grad_() for tensor in (images, weight, bias)]
    grad_output = torch.randn(3, 2, 4, 5).double()

    def results():
        normalized, mean, variance = normalize_by_batch(images, weight, bias, 1e-3)
        return [normalized, mean, variance, *torch.autograd.grad(normalized, inputs, grad_output)]

    fast = results()
    monkeypatch.setattr(switch, "ENABLED", False)
    for ours, plain in zip(fast, results(), strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-10, atol=1e-12)
