import numpy as np
import pytest
import torch

from ablate.components.data import MovingMNIST
from ablate.components.data.batches import as_video
from ablate.components.models import ConvLSTM, EncoderForecaster
from ablate.components.models.baselines import BlackFrame, LastFrame
from ablate.components.models.forecaster import Forecaster
from ablate.diagnosis.probes import Subject
from ablate.diagnosis.probes.reach import PixelReach, kernel_reach, mass_radius, one_step_maps, rollout_maps, support
from ablate.diagnosis.probes.receptive_field import ReceptiveField, digit_speed


def network(spec=ConvLSTM, **fields):
    with torch.random.fork_rng():
        torch.manual_seed(0)  # noqa: TID251  # layers draw from torch's global state
        return spec.model_validate({"layers": 1, "filters": 4} | fields).build().eval()


def history(frames=3, side=33, count=2):
    return torch.rand(count, frames, 1, side, side, generator=torch.Generator().manual_seed(1))


def subject(model, frame_size=32, digits=1):
    clips = as_video(torch.from_numpy(MovingMNIST(frame_size=frame_size, digits=digits).build(0).held_out(4, 6)))
    return Subject(model, clips, context=3, horizon=3, training=None)


def number(finding, name):
    value = finding.numbers[name]
    assert isinstance(value, int | float)
    return value


# k reaches (k-1)//2 up and left and k//2 down and right: all input kernels, then the widest state kernel a step
BY_HAND = [
    ({"kernel_size": 1}, [(0, 0), (0, 0), (0, 0)], [(0, 0), (0, 0)]),
    ({"kernel_size": 2}, [(0, 1), (0, 2), (0, 3)], [(0, 1), (0, 2)]),
    ({"kernel_size": 3}, [(1, 1), (2, 2), (3, 3)], [(1, 1), (2, 2)]),
    ({"kernel_size": 5}, [(2, 2), (4, 4), (6, 6)], [(2, 2), (4, 4)]),
    ({"kernel_size": 3, "state_kernel_size": 1}, [(1, 1), (1, 1), (1, 1)], [(1, 1), (2, 2)]),
    ({"kernel_size": 1, "state_kernel_size": 5}, [(0, 0), (2, 2), (4, 4)], [(0, 0), (2, 2)]),
    ({"layers": 4, "kernel_size": [1, 2, 1, 2]}, [(0, 2), (0, 3), (0, 4)], [(0, 2), (0, 4)]),
    ({"layers": 2, "kernel_size": [2, 3]}, [(1, 2), (2, 3), (3, 4)], [(1, 2), (2, 4)]),
    ({"kernel_size": 1, "head": "conv3d"}, [(1, 1), (1, 1), (1, 1)], [(1, 1), (2, 2)]),
    ({"kernel_size": 3, "head": "causal3d"}, [(2, 2), (3, 3), (4, 4)], [(2, 2), (4, 4)]),
]
every_stack = pytest.mark.parametrize(("fields", "by_lag", "by_step"), BY_HAND)


@every_stack
def test_kernels_reach_as_far_as_worked_by_hand(fields, by_lag, by_step):
    kernels = kernel_reach(network(**fields))
    assert kernels is not None
    assert [kernels.one_step(apart) for apart in (1, 2, 3)] == [PixelReach(*reach) for reach in by_lag]
    assert [kernels.rollout(step) for step in (1, 2)] == [PixelReach(*reach) for reach in by_step]


@every_stack
def test_gradients_reach_exactly_as_far_as_the_kernels(fields, by_lag, by_step):
    net = network(**fields)
    assert [support(found) for found in one_step_maps(net, history())] == [PixelReach(*reach) for reach in by_lag]
    assert [support(found) for found in rollout_maps(net, history(), [1, 2])] == [
        PixelReach(*reach) for reach in by_step
    ]


def test_patches_reach_as_far_as_their_kernels_times_their_side():
    net = network(EncoderForecaster, layers=2, kernel_size=[3, 3], state_kernel_size=[1, 3], patch=2)
    kernels = kernel_reach(net)
    assert kernels is not None
    # two input kernels and the forecaster's first state step
    assert kernels.one_step(1) == PixelReach(2 * 3 + 1, 2 * 3 + 1)
    assert kernels.one_step(2) == kernels.rollout(2) == PixelReach(2 * 4 + 1, 2 * 4 + 1)
    assert kernels.by_states == 2


def test_gradients_of_a_patch_stay_within_its_kernels():
    net = network(EncoderForecaster, layers=2, kernel_size=[3, 3], patch=2)
    kernels = kernel_reach(net)
    assert kernels is not None
    for apart, found in enumerate(one_step_maps(net, history(side=32)), start=1):
        reach, allowed = support(found), kernels.one_step(apart)
        assert reach is not None
        assert allowed.radius - 2 < reach.radius <= allowed.radius


@pytest.mark.parametrize("normalization", [{"kind": "group", "groups": 2}, {"kind": "batch", "statistics": "batch"}])
def test_statistics_of_whole_frames_reach_everywhere(normalization):
    net = network(kernel_size=1, normalization=normalization)
    assert kernel_reach(net) is None
    reach = support(one_step_maps(net, history())[0])
    assert reach is not None
    assert reach.radius >= 16


@pytest.mark.parametrize("normalization", [{"kind": "layer"}, {"kind": "batch"}])
def test_normalization_of_each_pixel_by_itself_reaches_nowhere(normalization):
    kernels = kernel_reach(network(kernel_size=1, normalization=normalization))
    assert kernels is not None
    assert kernels.one_step(3) == PixelReach(0, 0)


class Shift(Forecaster):
    """Moves the last frame down and right; `weights` by how far."""

    def __init__(self, weights):
        super().__init__()
        self.weights = weights

    def one_step(self, frames):
        return sum(weight * frames.roll((far, far), (-2, -1)) for far, weight in self.weights.items())

    def forecast(self, history, horizon):
        return self.one_step(history[:, -1:]).repeat(1, horizon, 1, 1, 1)


def test_what_moves_down_and_right_is_read_from_above_and_left():
    nearest, *earlier = one_step_maps(Shift({3: 1.0}), history())
    assert support(nearest) == PixelReach(3, 0)
    assert all(support(found) is None for found in earlier)


@pytest.mark.parametrize(("share", "radius"), [(0.5, 0), (0.6, 0), (0.7, 2), (0.9, 2), (0.95, 5), (1.0, 5)])
def test_the_radius_holds_its_share_of_the_gradient(share, radius):
    (nearest,) = one_step_maps(Shift({0: 0.6, 2: 0.3, 5: -0.1}), history(frames=1))
    assert mass_radius(nearest, share) == radius


@pytest.mark.parametrize(("frame_size", "step"), [(64, 0.1), (64, 0.2), (32, 0.1)])
def test_the_speed_of_digits_is_that_of_their_generator(frame_size, step):
    clips = MovingMNIST(frame_size=frame_size, digits=1, step=step).build(0).held_out(4, 5)
    ink = clips > 0
    edges = np.stack([ink.any(axis=3).argmax(axis=2), ink.any(axis=2).argmax(axis=2)])
    true = np.abs(np.diff(edges, axis=2)).max(axis=0).mean()
    assert digit_speed(as_video(torch.from_numpy(clips))) == pytest.approx(true, rel=0.05)


def test_frames_without_digits_have_no_speed():
    assert np.isnan(digit_speed(torch.zeros(2, 3, 1, 24, 24)))


def test_a_net_of_small_kernels_is_told_to_be_too_slow():
    finding = ReceptiveField().apply(subject(network(kernel_size=1)))
    assert finding.numbers["reach_by_kernels"] == 0
    assert number(finding, "speed") > 1
    assert "too little to follow" in finding.sentences[0]
    assert "1x1" in finding.sentences[1]


def test_a_net_of_even_kernels_is_told_which_way_it_cannot_carry():
    finding = ReceptiveField().apply(subject(network(layers=4, kernel_size=[1, 2, 1, 2])))
    assert finding.numbers["carries_down_and_right"] == 0
    assert finding.numbers["carries_up_and_left"] == 2
    assert "0 pixels down or right and 2 up or left: too little" in finding.sentences[0]


def test_a_net_of_large_kernels_can_follow():
    finding = ReceptiveField().apply(subject(network(kernel_size=5)))
    assert "enough to follow them" in finding.sentences[0]


def test_charts_hold_both_radii_and_pictures_the_maps():
    finding = ReceptiveField().apply(subject(network(kernel_size=3)))
    kernels, gradient, *_ = finding.charts[0].lines
    assert kernels.y == gradient.y == (1, 2, 3)
    picture = finding.images[0]
    lit = np.argwhere(np.array(picture.values) > picture.low) - len(picture.values) // 2
    assert np.abs(lit).max() == 1


def test_it_asks_only_where_a_gradient_runs():
    assert ReceptiveField().applies_to(subject(LastFrame()))
    assert not ReceptiveField().applies_to(subject(BlackFrame()))


def test_a_relu_is_asked_where_it_passes_something_on():
    finding = ReceptiveField().apply(subject(network(kernel_size=3, activation="relu")))
    assert 0 < number(finding, "reach_by_gradient") <= number(finding, "reach_by_kernels")


def test_a_net_that_ignores_the_last_frame_has_no_reach():
    finding = ReceptiveField().apply(subject(Shift({0: 0.0})))
    assert finding.numbers["carries_down_and_right"] is None
    assert "zero everywhere" in finding.sentences[0]


def test_black_clips_have_no_speed_to_follow():
    black = Subject(network(kernel_size=3), torch.zeros(2, 5, 1, 24, 24), context=3, horizon=2, training=None)
    assert "no digits were seen to move" in ReceptiveField().apply(black).sentences[0]
