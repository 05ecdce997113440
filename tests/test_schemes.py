import pytest
import torch

from ablate.components.losses.loss import mse
from ablate.components.models.forecaster import NextFrameModel
from ablate.components.schemes import SCHEMES, Rollout, ScheduledSampling, TeacherForced


class Halver(NextFrameModel):
    """Predicts that the next logit of a pixel is half its brightness, and records its inputs."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(0.5))
        self.inputs = []

    def forward(self, frames, state=None):
        self.inputs.append(frames.detach())
        return frames * self.weight, state


CLIPS = torch.rand(2, 20, 1, 4, 4, generator=torch.Generator().manual_seed(0))


def draws():
    return torch.Generator().manual_seed(0)


def loss_of(scheme, model, progress=0.0):
    return scheme.build(mse)(model, CLIPS[:, : scheme.frames_needed], progress, draws())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_scheme_returns_a_scalar_with_a_gradient(scheme):
    model = Halver()
    loss = loss_of(scheme(), model)
    loss.backward()
    assert loss.shape == ()
    assert model.weight.grad is not None
    assert model.weight.grad.isfinite()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_scheme_never_feeds_the_last_frame_that_it_needs(scheme):
    model = Halver()
    loss_of(scheme(), model)
    last = CLIPS[:, scheme().frames_needed - 1]
    assert not any(torch.equal(frame, last) for inputs in model.inputs for frame in inputs.unbind(1))


def test_teacher_forcing_compares_each_prediction_with_the_frame_after():
    expected = (torch.sigmoid(CLIPS[:, :15] * 0.5) - CLIPS[:, 1:16]).square().mean()
    assert torch.allclose(loss_of(TeacherForced(frames=16), Halver()), expected)


def test_rollout_feeds_only_the_context_and_then_its_predictions():
    model = Halver()
    loss_of(Rollout(context=3, horizon=3), model)
    prediction = torch.sigmoid(CLIPS[:, 2:3] * 0.5)
    assert [inputs.shape[1] for inputs in model.inputs] == [3, 1, 1]
    assert torch.allclose(model.inputs[1], prediction)
    assert torch.allclose(model.inputs[2], torch.sigmoid(prediction * 0.5))


def test_rollout_sends_gradients_through_every_step():
    model = Halver()
    with torch.no_grad():
        model.weight.fill_(0.5)
    loss_of(Rollout(context=1, horizon=2), model).backward()
    w, x = torch.tensor(0.5, requires_grad=True), CLIPS[:, :1]
    first = torch.sigmoid(x * w)
    by_hand = (torch.cat([first, torch.sigmoid(first * w)], 1) - CLIPS[:, 1:3]).square().mean()
    by_hand.backward()
    assert model.weight.grad is not None
    assert w.grad is not None
    assert torch.allclose(model.weight.grad, w.grad)


def test_scheduled_sampling_starts_with_true_frames_only():
    model = Halver()
    loss_of(ScheduledSampling(), model, progress=0.0)
    assert torch.equal(torch.cat(model.inputs, 1), CLIPS[:, :19])


def test_scheduled_sampling_ends_with_predictions_only():
    model = Halver()
    loss_of(ScheduledSampling(decayed=0.75), model, progress=0.75)
    prediction = torch.sigmoid(model.inputs[0][:, -1:] * 0.5)
    assert torch.allclose(model.inputs[1], prediction)


def test_scheduled_sampling_mixes_clip_by_clip_in_between():
    clips = torch.rand(400, 4, 1, 1, 1, generator=draws())
    model = Halver()
    ScheduledSampling(context=2, horizon=2, decayed=1.0).build(mse)(model, clips, 0.5, draws())
    share_of_targets = (model.inputs[1] == clips[:, 2:3]).float().mean().item()
    assert 0.4 < share_of_targets < 0.6
