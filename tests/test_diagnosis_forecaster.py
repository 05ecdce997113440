import numpy as np
import pytest
import torch
from torch import nn

from ablate.components.data import MovingMNIST
from ablate.components.data.batches import as_video
from ablate.core.errors import DataError
from ablate.diagnosis.foreign_forecaster import ForeignForecaster, determine_convention

CONTEXT, HORIZON = 4, 8


@pytest.fixture(scope="module")
def clips():
    frames = MovingMNIST(frame_size=24, digits=1).build(0).held_out(3, CONTEXT + HORIZON)
    return as_video(torch.from_numpy(frames))


def wrapped(model, clips, context=CONTEXT, predicts=None, *, logits=False):
    convention = determine_convention(model, clips, context, predicts, logits=logits)
    return ForeignForecaster(model, convention)


def copies(frames):
    return frames


def repeats(frames):
    return frames[:, -1:].expand_as(frames)


def two_late(frames):
    """The future of digits that move on as they did, two frames late."""
    return torch.cat([frames[:, -2:], frames[:, :-2]], dim=1)


def four_of(length):
    """A model that takes sequences of one length only."""

    def model(frames):
        if frames.shape[1] != length:
            raise ValueError(f"expected {length} frames")
        return frames

    return model


def test_a_guess_at_every_position_is_told_from_future_frames_by_their_fit(clips):
    assert wrapped(copies, clips).convention.kind == "next_at_every_position"
    assert wrapped(repeats, clips).convention.kind == "future"
    assert wrapped(two_late, clips, context=8).convention.kind == "future"


def test_one_frame_is_the_next_and_another_number_the_future(clips):
    assert wrapped(lambda x: x[:, -1:], clips).convention.kind == "next_only"
    assert wrapped(lambda x: x[:, -1], clips).convention.kind == "next_only"  # (batch, 1, height, width)
    assert wrapped(lambda x: x[:, -3:], clips).convention.kind == "future"
    assert wrapped(lambda x: x[:, -3:, 0], clips).convention.kind == "future"  # without the channel


def test_what_the_caller_says_it_predicts_counts(clips):
    assert wrapped(copies, clips, predicts="future").convention.kind == "future"
    assert wrapped(repeats, clips, predicts="next").convention.kind == "next_at_every_position"
    with pytest.raises(DataError, match="returned 3 frames for 4"):
        wrapped(lambda x: x[:, -3:], clips, predicts="next")


def test_how_it_was_told_is_said(clips):
    assert "The squared error of the first" in wrapped(copies, clips).convention.sentences[1]
    assert "is an assumption" in wrapped(lambda x: 0 * x, clips).convention.sentences[1]


def test_a_look_at_all_frames_is_told_by_its_fit(clips):
    def leaking(frames):
        return 0.9 * torch.cat([frames[:, 1:], frames[:, -1:]], dim=1) + 0.1 * frames.mean(dim=1, keepdim=True)

    assert wrapped(leaking, clips).convention.kind == "next_at_every_position"


def counting(frames):
    """Each guess is the sum of the frames so far: it tells how many were seen."""
    return frames.cumsum(dim=1)


ONES = torch.ones(2, 8, 1, 5, 5)


def lengths(forecaster, history, horizon):
    return forecaster.forecast(history, horizon)[0, :, 0, 0, 0].tolist()


def convention_of(model, predicts, kept=CONTEXT):
    return determine_convention(lambda x: model(x) * 0, ONES, kept, predicts, logits=False)


def test_a_guess_at_every_position_is_fed_back_with_all_that_came_before():
    model = ForeignForecaster(counting, convention_of(counting, "next"))
    assert lengths(model, ONES[:, :4], 3) == [4, 8, 16]
    assert model.one_step(ONES)[0, :, 0, 0, 0].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_model_of_one_length_sees_a_window():
    def model(frames):
        return four_of(CONTEXT)(frames).cumsum(dim=1)

    forecaster = ForeignForecaster(model, convention_of(model, "next"))
    assert forecaster.convention.fixed_length
    assert lengths(forecaster, ONES[:, :4], 3) == [4, 7, 13]
    assert forecaster.one_step(ONES)[0, :, 0, 0, 0].tolist() == [1, 2, 3, 4, 4, 4, 4, 4]
    assert forecaster.one_step(ONES[:, :2]).shape[1] == 2


def test_the_next_frame_only_is_fed_back_into_a_window():
    def model(frames):
        return frames.sum(dim=1, keepdim=True)

    forecaster = ForeignForecaster(model, convention_of(model, None))
    assert lengths(forecaster, ONES[:, :4], 3) == [4, 7, 13]
    assert forecaster.one_step(ONES[:, :5]).shape == (2, 5, 1, 5, 5)


def test_future_frames_are_continued_from_themselves_and_cut_to_the_horizon():
    def model(frames):
        return torch.cat([frames[:, -1:] + 1, frames[:, -1:] + 2, frames[:, -1:] + 3], dim=1)

    forecaster = ForeignForecaster(model, convention_of(model, None))
    assert lengths(forecaster, ONES[:, :4], 5) == [2, 3, 4, 5, 6]
    assert forecaster.one_step(ONES[:, :3])[0, :, 0, 0, 0].tolist() == [2, 2, 2]


def test_logits_are_refused_with_advice_or_passed_through_a_sigmoid(clips):
    with pytest.raises(DataError, match=r"values from -6 to 5.8.* logits"):
        wrapped(lambda x: 12 * x - 6, clips)
    forecaster = wrapped(lambda x: 12 * x - 6, clips, logits=True)
    assert torch.allclose(forecaster.one_step(clips), torch.sigmoid(12 * clips - 6))
    assert any("sigmoid" in sentence for sentence in forecaster.convention.sentences)


def test_numpy_frames_are_taken_and_no_gradient_asked_for(clips):
    forecaster = wrapped(lambda x: np.asarray(x) * np.float64(0.5), clips)
    assert not forecaster.convention.differentiable
    guess = forecaster.one_step(clips.clone().requires_grad_())
    assert torch.equal(guess, clips * 0.5)
    assert guess.dtype == torch.float32


def test_gradients_run_through_a_torch_model_and_the_first_of_its_outputs_counts(clips):
    forecaster = wrapped(lambda x: (x * 0.5, "state"), clips)
    assert forecaster.convention.differentiable
    assert forecaster.one_step(clips.clone().requires_grad_()).requires_grad


def test_a_model_that_works_in_place_leaves_the_clips_alone(clips):
    before = clips.clone()
    assert wrapped(lambda x: x.mul_(0.5), clips).convention.differentiable
    assert torch.equal(clips, before)


def test_a_module_keeps_its_weights_in_the_forecaster(clips):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.tensor(0.5))

        def forward(self, frames):
            return frames * self.weight

    assert len(list(wrapped(Net(), clips).parameters())) == 1


REFUSED = [
    (four_of(10), "failed on frames of shape .*ValueError: expected 10 frames"),
    (lambda x: x.mean(), r"returned shape \(\)"),
    (lambda x: x[..., :-1], r"returned shape \(3, 4, 1, 24, 23\)"),
    (lambda x: x.transpose(0, 1), r"returned shape \(4, 3, 1, 24, 24\)"),
    (lambda x: x.expand(-1, -1, 3, -1, -1), r"returned shape \(3, 4, 3, 24, 24\)"),
    (lambda x: x[:, :0], r"returned shape \(3, 0, 1, 24, 24\)"),
    (lambda _: "frames", "returned str"),
    (lambda x: x * float("nan"), "not finite"),
    (lambda x: x * 255, "values from 0 to 25."),
]


@pytest.mark.parametrize(("model", "told"), REFUSED, ids=[told for _, told in REFUSED])
def test_what_is_no_forecast_is_refused_in_one_line(clips, model, told):
    with pytest.raises(DataError, match=told) as caught:
        wrapped(model, clips)
    assert "\n" not in str(caught.value)


def test_the_gradient_of_a_roll_out_is_that_of_the_plain_loop():
    conv = nn.Conv3d(1, 1, (1, 3, 3), padding=(0, 1, 1))

    def model(frames):
        return torch.sigmoid(conv(frames.transpose(1, 2)).transpose(1, 2).cumsum(dim=1))

    def plain(frames):
        for _ in range(3):
            frames = torch.cat([frames, model(frames)[:, -1:]], dim=1)
        return frames[:, 4:]

    history = torch.rand(2, 4, 1, 6, 6, generator=torch.Generator().manual_seed(0)).requires_grad_()
    forecaster = ForeignForecaster(model, convention_of(model, "next"))
    ours, theirs = (
        torch.autograd.grad(forecast[:, -1].square().sum(), history)[0]
        for forecast in (forecaster.forecast(history, 3), plain(history))
    )
    assert torch.allclose(ours, theirs, atol=1e-6)
    assert theirs.abs().sum() > 0
