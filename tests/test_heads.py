import pytest
import torch

from ablate.components.models import ConvLSTM

WHOLE_CELL = {"layers": 2, "filters": 4, "kernel_size": [1, 2], "peepholes": True}
KEEPS_TIME_APART = [{"kind": "none"}, {"kind": "batch"}, {"kind": "layer"}, {"kind": "group", "groups": 2}]


def model(**fields):
    return ConvLSTM.model_validate(WHOLE_CELL | fields).build().eval()


def video(time=6):
    return torch.rand(2, time, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def streamed(network, frames):
    """Return the logits of calls with one frame each, which pass the state on."""
    state, logits_of_steps = None, []
    for t in range(frames.shape[1]):
        logits, state = network(frames[:, t : t + 1], state)
        logits_of_steps.append(logits)
    return torch.cat(logits_of_steps, dim=1)


@pytest.mark.parametrize("normalization", KEEPS_TIME_APART, ids=lambda block: block["kind"])
@pytest.mark.parametrize("head", ["frame", "causal3d"])
def test_frame_by_frame_is_the_same_as_all_at_once(head, normalization):
    network, frames = model(head=head, normalization=normalization), video()
    assert torch.allclose(streamed(network, frames), network(frames)[0], atol=1e-6)


def test_frame_by_frame_the_head_with_leakage_predicts_as_at_the_end_of_each_prefix():
    network, frames = model(head="conv3d"), video()
    ends = torch.cat([network(frames[:, : t + 1])[0][:, -1:] for t in range(6)], dim=1)
    assert torch.allclose(streamed(network, frames), ends, atol=1e-6)


def test_the_head_with_leakage_predicts_differently_where_the_next_frame_is_an_input():
    network, frames = model(head="conv3d"), video()
    at_once, frame_by_frame = network(frames)[0], streamed(network, frames)
    assert ((at_once - frame_by_frame)[:, :-1].abs().amax(dim=(0, 2, 3, 4)) > 1e-4).all()
    assert torch.allclose(at_once[:, -1], frame_by_frame[:, -1], atol=1e-6)


@pytest.mark.parametrize(("head", "seen"), [("frame", [3]), ("conv3d", [2, 3, 4]), ("causal3d", [1, 2, 3])])
def test_a_head_sees_these_steps_of_the_features(head, seen):
    features = torch.rand(6, 1, 4, 5, 5, requires_grad=True)
    logits, _ = model(head=head).head(features, None)
    logits[3].sum().backward()
    assert features.grad is not None
    assert features.grad.abs().amax(dim=(1, 2, 3, 4)).nonzero().flatten().tolist() == seen
