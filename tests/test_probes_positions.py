import re

import numpy as np
import pytest
import torch
from scipy import stats

from ablate.components.models import ConvLSTM
from ablate.components.models.forecaster import Forecaster
from ablate.diagnosis.probes import Subject
from ablate.diagnosis.probes.train_forecast_gap import Positions, losses_at_end, losses_inside


def clips(count=5, frames=6):
    return torch.rand(count, frames, 1, 9, 9, generator=torch.Generator().manual_seed(1))


def subject(model, context=3, **sizes):
    videos = clips(**sizes)
    return Subject(model, videos, context=context, horizon=videos.shape[1] - context, training=None, batch=2)


class Peek(Forecaster):
    """Guesses what comes next where it sees it, and says one half at the last position."""

    def one_step(self, frames):
        return torch.cat([frames[:, 1:], torch.full_like(frames[:, :1], 0.5)], dim=1)

    def forecast(self, history, horizon):
        return history.new_full((len(history), horizon, *history.shape[2:]), 0.5)


def network(head):
    with torch.random.fork_rng():
        torch.manual_seed(0)  # noqa: TID251  # layers draw from torch's global state
        return ConvLSTM(layers=1, filters=3, kernel_size=3, head=head).build().eval()


def test_the_losses_are_those_worked_by_hand():
    target = clips().numpy().astype(float)[:, 3:5, 0]
    entropy = -(target * np.log(target) + (1 - target) * np.log(1 - target)).mean((2, 3))
    assert losses_inside(subject(Peek()), range(2, 4)) == pytest.approx(entropy, rel=1e-5)
    assert losses_at_end(subject(Peek()), range(2, 4)) == pytest.approx(np.full((5, 2), np.log(2)))


def test_the_difference_and_its_interval_are_over_clips():
    finding = Positions().apply(subject(Peek()))
    target = clips().numpy().astype(float)[:, 3:5, 0]
    entropy = -(target * np.log(target) + (1 - target) * np.log(1 - target)).mean((1, 2, 3))
    interval = stats.ttest_1samp(np.log(2) - entropy, 0).confidence_interval(0.95)
    (change,) = finding.changes
    assert change.difference == pytest.approx((np.log(2) - entropy).mean(), rel=1e-4)
    assert (change.low, change.high) == pytest.approx(tuple(interval), rel=1e-3)
    assert re.search("more than inside|times as much as inside", finding.sentences[0])


@pytest.mark.parametrize("head", ["frame", "causal3d"])
def test_a_causal_net_guesses_the_same_both_ways(head):
    finding = Positions().apply(subject(network(head)))
    assert finding.numbers["difference"] == pytest.approx(0, abs=1e-6)
    assert "equally well" in finding.sentences[0]


def test_a_net_with_a_leaking_head_does_not():
    difference = Positions().apply(subject(network("conv3d"))).numbers["difference"]
    assert isinstance(difference, float)
    assert abs(difference) > 1e-5


def test_a_certain_mistake_costs_no_more_than_the_clipping_allows():
    class Wrong(Peek):
        def one_step(self, frames):
            return torch.zeros_like(frames)

    ones = Subject(Wrong(), torch.ones(2, 5, 1, 4, 4), context=3, horizon=2, training=None)
    assert losses_at_end(ones, range(2, 3)) == pytest.approx(np.full((2, 1), -np.log(1e-7)), rel=1e-3)


def test_the_chart_draws_both_losses_by_the_frame_guessed():
    inside, at_end = Positions().apply(subject(Peek())).charts[0].lines
    assert inside.x == at_end.x == (4, 5)
    assert at_end.y == pytest.approx((np.log(2), np.log(2)))


def test_two_frames_are_too_few():
    assert not Positions().applies_to(subject(Peek(), context=1, frames=2))
    assert Positions().applies_to(subject(Peek(), context=1, frames=3))
