import pytest
import torch

from ablate.components.losses import LOSSES

every_loss = pytest.mark.parametrize("loss", [spec().build() for spec in LOSSES], ids=[spec().kind for spec in LOSSES])


def video(seed, *shape):
    return torch.rand(*(shape or (3, 2, 1, 16, 16)), generator=torch.Generator().manual_seed(seed))


def logits_of(frames):
    return torch.logit(frames, eps=1e-6)


@every_loss
def test_it_is_a_scalar_of_the_inputs_type(loss):
    for dtype in (torch.float32, torch.float64):
        value = loss(logits_of(video(0)).to(dtype), video(1).to(dtype))
        assert value.shape == ()
        assert value.dtype == dtype


@every_loss
def test_it_stays_on_the_inputs_device(loss):
    assert loss(video(0).to("meta"), video(1).to("meta")).device.type == "meta"


@every_loss
def test_it_is_smallest_at_the_target(loss):
    target = video(0)
    at_target = loss(logits_of(target), target)
    for seed, size in enumerate((0.01, 0.1, 0.5)):
        off = (target + size * (video(seed + 5) - 0.5)).clamp(0, 1)
        assert loss(logits_of(off), target) > at_target


@every_loss
def test_it_sees_a_constant_offset(loss):
    target = 0.5 * video(0)
    assert loss(logits_of(target + 0.2), target) > loss(logits_of(target), target)


@every_loss
def test_saturated_logits_have_finite_gradients(loss):
    logits = (100 * (video(0) - 0.5)).requires_grad_()
    loss(logits, (video(1) > 0.5).float()).backward()
    assert logits.grad.isfinite().all()


@every_loss
def test_wrong_pixels_have_a_gradient(loss):
    logits = torch.full((1, 1, 1, 16, 16), -2.0, requires_grad=True)
    target = torch.zeros_like(logits).detach()
    target[..., 4:12, 4:12] = 1
    loss(logits, target).backward()
    assert logits.grad is not None
    assert (logits.grad[..., 5:11, 5:11] < 0).any()


@every_loss
def test_the_order_of_the_clips_does_not_matter(loss):
    logits, target = logits_of(video(0)), video(1)
    assert torch.allclose(loss(logits, target), loss(logits.flip(0), target.flip(0)))


@every_loss
@pytest.mark.parametrize("steps", [1, 7])
def test_any_number_of_steps_is_possible(loss, steps):
    shape = (2, steps, 1, 16, 16)
    assert loss(logits_of(video(0, *shape)), video(1, *shape)).isfinite()
