import pytest
import torch

from ablate.components.models import ConvLSTM
from ablate.components.models.baselines import LastFrame
from ablate.components.models.forecaster import Forecaster
from ablate.diagnosis.probes import Subject
from ablate.diagnosis.probes.leakage import Leakage, move_by_other_clip, moves_by_distance

SMALL = {"layers": 1, "filters": 3, "kernel_size": 3}


def clips(count=6, frames=8):
    return torch.rand(count, frames, 1, 10, 10, generator=torch.Generator().manual_seed(1))


def asked(model):
    with torch.random.fork_rng():
        return Leakage().apply(Subject(model, clips(), context=4, horizon=4, training=None))


def network(**fields):
    with torch.random.fork_rng():
        torch.manual_seed(0)  # noqa: TID251  # layers draw from torch's global state
        return ConvLSTM.model_validate(SMALL | fields).build().eval()


class Peek(Forecaster):
    """Returns the frame `ahead` positions later, or black where there is none."""

    def __init__(self, ahead):
        super().__init__()
        self.ahead = ahead

    def one_step(self, frames):
        black = torch.zeros_like(frames[:, : self.ahead])
        return torch.cat([frames[:, self.ahead :], black], dim=1)

    def forecast(self, history, horizon):
        return history.new_zeros(len(history), horizon, *history.shape[2:])


class Noisy(LastFrame):  # type: ignore[misc]  # final in the package, and almost the forecaster that this test needs
    def one_step(self, frames):
        return frames + 0.1 * torch.rand_like(frames)


@pytest.mark.parametrize("ahead", [1, 2, 3])
def test_finds_how_many_frames_it_looks_ahead_and_no_more(ahead):
    numbers = asked(Peek(ahead)).numbers
    assert numbers["looks_ahead"] == ahead
    assert numbers["depends_on_other_clips"] is False


def test_the_largest_move_is_that_of_the_frames_it_peeks_at():
    own, other = clips()[:3], clips()[3:]
    moves = moves_by_distance(Peek(2), own, other)
    assert moves[1] == moves[2] == pytest.approx((own - other)[:, 2:].abs().max().item())
    assert moves[3] == 0


@pytest.mark.parametrize("head", ["frame", "causal3d"])
def test_a_causal_head_does_not_look_ahead(head):
    finding = asked(network(head=head))
    assert finding.numbers["looks_ahead"] == 0
    assert finding.numbers["largest_move"] <= finding.numbers["tolerance"]
    assert "does not look ahead" in finding.sentences[0]


def test_the_head_of_the_keras_example_looks_one_frame_ahead():
    finding = asked(network(head="conv3d"))
    assert finding.numbers["looks_ahead"] == 1
    assert "looks ahead by 1 frame:" in finding.sentences[0]


def test_batch_statistics_see_every_later_frame_and_the_other_clips():
    finding = asked(network(normalization={"kind": "batch", "statistics": "batch"}))
    assert finding.numbers["looks_ahead"] == finding.numbers["farthest_tried"] == 7
    assert finding.numbers["depends_on_other_clips"] is True
    assert "depends on the other clips" in finding.sentences[1]


def test_moving_averages_keep_the_clips_of_a_batch_apart():
    assert move_by_other_clip(network(normalization={"kind": "batch"}), clips()[:1], clips()[1:2]) <= 1e-6


def test_a_net_that_is_random_at_inference_is_not_judged():
    finding = asked(Noisy())
    assert finding.numbers["looks_ahead"] is None
    assert "cannot be measured" in finding.sentences[0]


def test_the_chart_shows_the_largest_move_by_distance():
    (line,) = asked(Peek(2)).charts[0].lines
    assert line.x == (1, 2, 3, 4, 5, 6, 7)
    assert [y > 0 for y in line.y] == [True, True, False, False, False, False, False]


def test_one_clip_is_too_few():
    assert not Leakage().applies_to(Subject(LastFrame(), clips(count=1), context=4, horizon=4, training=None))
