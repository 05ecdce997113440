"""Nets whose weights are set by hand, so that what each probe must find can be worked out."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from ablate.components.models import ConvLSTM, Persistence
from ablate.components.models.fast.gates import ActivationNames
from ablate.components.models.specs import BatchNormalization
from ablate.diagnosis.probes.cell_growth import CellGrowth
from ablate.diagnosis.probes.cell_state import ForgetGate, Memory
from ablate.diagnosis.probes.gates import Gates
from ablate.diagnosis.probes.head_swap import HeadSwap, cut_off, fitted_head
from ablate.diagnosis.probes.probe import Subject
from ablate.diagnosis.probes.train_forecast_gap import Feeding, NormalizationStatistics

SIDE, SQUARE = 40, 3
SURE = 20.0  # a gate's bias: a sigmoid of it is 1, apart from rounding


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def clip(columns, row=16):
    """Return one clip of a square that stands in these columns, frame by frame."""
    frames = torch.zeros(1, len(columns), 1, SIDE, SIDE)
    for time, column in enumerate(columns):
        frames[0, time, 0, row : row + SQUARE, column : column + SQUARE] = 1
    return frames


def adding_net(forget=SURE, head="frame"):
    """Return a net whose cell adds up what it sees; it shows a pixel of cell c as sigmoid(20 c - 10)."""
    net: Any = ConvLSTM(layers=1, filters=1, kernel_size=1, activation="relu", head=head).build().eval()
    layer = net.layers[0]
    with torch.no_grad():
        layer.kernel.copy_(torch.tensor([0.0, 0, 1, 0]).view(4, 1, 1, 1))
        layer.state_kernel.zero_()
        layer.bias.copy_(torch.tensor([SURE, forget, 0, SURE]))
        net.head.conv.weight.fill_(20.0)
        net.head.conv.bias.fill_(-10.0)
    return net


# The square moved by six columns a step and stops: its past lies 1, 2 and 3 steps back in the cell.
MOVED = (2, 8, 14, 20, 20)


def subject(net, columns=MOVED, context=4, rows=(16, 10, 24), training=None):
    clips = torch.cat([clip(columns, row) for row in rows])
    return Subject(net, clips, context, len(columns) - context, training)


def change(finding, condition, metric="ghost_ratio"):
    (found,) = (one for one in finding.changes if one.condition == condition and one.metric == metric)
    return found


def ghost_at(*cells):
    """Return the ghost ratio of a past that lies in the cell with these values."""
    return (np.mean([sigmoid(20 * cell - 10) for cell in cells]) - sigmoid(-10)) / (sigmoid(10) - sigmoid(-10))


def test_an_adding_net_keeps_the_whole_path():
    assert subject(adding_net()).baseline["ghost_ratio"] == pytest.approx(ghost_at(1, 1, 1))


def test_without_its_cell_state_it_has_no_ghost():
    reset = change(Memory().apply(subject(adding_net())), "the cell state reset every step")
    assert reset.before == pytest.approx(ghost_at(1, 1, 1), abs=1e-6)
    assert reset.after == pytest.approx(0, abs=1e-6)
    assert reset.clips == 3


def test_a_reset_each_second_step_leaves_what_came_since():
    # of the three steps that have a state, the second starts from nothing: only the path after it is left
    reset = change(Memory().apply(subject(adding_net())), "the cell state reset every 2 steps")
    assert reset.after == pytest.approx(ghost_at(1, 0, 0), abs=1e-6)


@pytest.mark.parametrize("share", [0.9, 0.5])
def test_a_cell_that_decays_keeps_less_of_an_older_past(share):
    decayed = change(Memory().apply(subject(adding_net())), f"{100 * share:.0f} % of the cell state kept per step")
    assert decayed.after == pytest.approx(ghost_at(share, share**2, share**3), abs=1e-6)


def test_what_a_net_remembers_in_its_hidden_state_goes_with_that_alone():
    net = adding_net(forget=-SURE)  # keeps nothing in the cell
    with torch.no_grad():
        net.layers[0].state_kernel[2] = 1.0  # but adds its own output to what it sees
    finding = Memory().apply(subject(net))
    assert change(finding, "the cell state reset every step").after == pytest.approx(ghost_at(1, 1, 1), abs=1e-6)
    assert change(finding, "cell and hidden state reset every step").after == pytest.approx(0, abs=1e-6)


def test_the_layer_that_remembers_is_named():
    net = adding_net()
    forgetful = adding_net(forget=-SURE)
    net.layers.append(forgetful.layers[0])
    net.norms.append(torch.nn.Identity())
    finding = Memory().apply(subject(net))
    assert change(finding, "no cell state in layers.0").after == pytest.approx(0, abs=1e-6)
    assert change(finding, "no cell state in layers.1").after == pytest.approx(ghost_at(1, 1, 1), abs=1e-6)


@pytest.mark.parametrize("high", [0.95, 0.8, 0.5])
def test_a_forget_gate_held_down_fades_the_path(high):
    held = change(ForgetGate().apply(subject(adding_net())), f"forget gates of at most {high:g}")
    assert held.after == pytest.approx(ghost_at(high, high**2, high**3), abs=1e-6)


def test_a_forget_gate_held_up_brings_the_path_back():
    held = change(ForgetGate().apply(subject(adding_net(forget=-SURE))), "forget gates of at least 1")
    assert held.before == pytest.approx(0, abs=1e-6)
    assert held.after == pytest.approx(ghost_at(1, 1, 1), abs=1e-6)


def test_the_sentence_says_where_the_ghost_went():
    sentences = Memory().apply(subject(adding_net())).sentences
    assert sentences[0].startswith("With the cell state reset every step, the ghost ratio falls from 1.000 to 0.000")


def test_true_frames_follow_a_square_that_stops():
    # A net that forgets repeats its last frame: 18 pixels are wrong at both steps. Fed the truth, it is right at
    # the second, for the square stands still.
    fed = change(
        Feeding().apply(subject(adding_net(-SURE), (2, 8, 14, 20, 20), 3)),
        "true frames fed in place of predictions",
        "mse",
    )
    assert fed.before == pytest.approx(18, rel=1e-3)
    assert fed.after == pytest.approx(9, rel=1e-3)


def test_gates_are_read_where_digits_were_and_never_were():
    net = adding_net(forget=0.0)
    with torch.no_grad():
        net.layers[0].state_kernel[1] = 2.0  # the forget gate is sigmoid(2 h)
    cells = [1.0]
    for _ in range(3):
        cells.append(cells[-1] * sigmoid(2 * cells[-1]))
    stale = np.mean([sigmoid(2 * cell) for cell in cells[:3]])
    finding = Gates().apply(subject(net))
    gate, numbers = change(finding, "layers.0: stale pixels, not control", "forget gate"), finding.numbers
    assert gate.before == pytest.approx(0.5, abs=1e-6)
    assert gate.after == pytest.approx(stale, abs=1e-6)
    assert numbers["layers.0 forget gate on stale pixels"] == pytest.approx(stale, abs=1e-6)
    assert numbers["layers.0 forget gate on control pixels"] == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(
    ("weight", "words"), [(2.0, "is higher"), (-2.0, "is lower"), (0.0, "is the same"), (0.01, "is the same")]
)
def test_what_the_gates_do_is_said_unless_it_is_next_to_nothing(weight, words):
    net = adding_net(forget=0.0)
    with torch.no_grad():
        net.layers[0].state_kernel[1] = weight
    sentence = Gates().apply(subject(net)).sentences[1]
    assert sentence.startswith(f"The forget gate of layers.0 {words} where digits were")


def test_a_map_shows_the_first_clip_at_the_step_in_its_title():
    net = adding_net(forget=0.0)
    with torch.no_grad():
        net.layers[0].state_kernel[1] = 2.0  # the forget gate is sigmoid(2 h)
    images = {image.title: image.values for image in Gates().apply(subject(net, (2, 8, 14, 20, 20, 20))).images}
    # the square of the first clip stands at row 16; it reaches column 20 in the frame that the first step sees
    assert images["forget gate, layers.0, step 1"][17][15] == pytest.approx(sigmoid(2), abs=1e-3)
    assert images["forget gate, layers.0, step 1"][17][21] == pytest.approx(0.5, abs=1e-3)
    assert images["forget gate, layers.0, step 2"][17][21] == pytest.approx(sigmoid(2), abs=1e-3)


def test_histograms_of_gates_are_shares():
    for chart in Gates().apply(subject(adding_net())).charts:
        assert [line.label for line in chart.lines] == ["stale pixels", "present pixels", "control pixels"]
        for line in chart.lines:
            assert sum(line.y) == pytest.approx(1)


def test_maps_of_gates_have_the_size_of_a_frame():
    (image, *_) = Gates().apply(subject(adding_net())).images
    assert np.shape(image.values) == (SIDE, SIDE)


def test_an_adding_cell_grows_by_a_square_each_step():
    finding = CellGrowth().apply(subject(adding_net(), (2, 8, 14, 20, 26)))
    (line,) = finding.charts[0].lines
    assert line.y == pytest.approx([SQUARE**2 * steps / SIDE**2 for steps in (1, 2, 3, 4)])
    assert finding.numbers["layers.0 negative share"] == 0


def test_a_cell_that_adds_up_a_still_square_grows_by_one_a_step():
    finding = CellGrowth().apply(subject(adding_net(), (20,) * 5, 2))
    (line,) = finding.charts[1].lines
    assert line.y == pytest.approx((1, 2, 3, 4), abs=1e-3)
    assert finding.numbers["layers.0 largest value"] == pytest.approx(4, abs=1e-3)
    # apart from the digit, the net paints sigmoid(-10) everywhere, and adds that up as well
    assert finding.numbers["layers.0 growth a step"] == pytest.approx(SQUARE**2 / SIDE**2, rel=0.02)


def test_every_clip_counts_alike_in_the_share_of_negative_values():
    net = adding_net()
    with torch.no_grad():
        net.layers[0].kernel[2] = -1.0
    net.layers[0]._names = ActivationNames(
        "tanh", net.layers[0]._names.gate
    )  # the cell is negative where the square was
    clips = torch.cat([clip((20,) * 3), clip((20,) * 3), torch.zeros(1, 3, 1, SIDE, SIDE)])
    finding = CellGrowth().apply(Subject(net, clips, 2, 1, None, batch=2))
    assert finding.numbers["layers.0 negative share"] == pytest.approx(2 / 3 * SQUARE**2 / SIDE**2, rel=1e-5)


def test_growth_is_measured_over_the_forecast():
    finding = CellGrowth().apply(subject(adding_net(), (2, 8, 14, 20, 20), 2))
    size = change(finding, "layers.0: end of the forecast, not its start", "mean size of the cell state")
    assert size.before == pytest.approx(2 * SQUARE**2 / SIDE**2)
    assert size.after > 3 * SQUARE**2 / SIDE**2


def test_a_fresh_head_mends_one_that_reads_only_the_future():
    net = adding_net(forget=-SURE, head="conv3d")
    with torch.no_grad():
        net.head.conv.weight.zero_()
        net.head.conv.weight[:, :, 2, 1, 1] = 20.0
    still = (20,) * 5
    training = torch.cat([clip(still, row) for row in (3, 12, 20, 30)])
    finding = HeadSwap().apply(subject(net, still, training=training))
    fresh = change(finding, "a new 1x1 head", "mse")
    assert fresh.before == pytest.approx(SQUARE**2, rel=1e-2)
    assert fresh.after < 0.01 * fresh.before


def test_a_forecast_has_no_next_frame_so_that_a_head_cut_off_from_it_forecasts_the_same():
    net = adding_net(head="conv3d")
    with torch.no_grad():
        net.head.conv.weight.zero_()
        net.head.conv.weight[:, :, 1, 1, 1] = 20.0
        net.head.conv.weight[:, :, 2, 1, 1] = -7.0
    finding = HeadSwap().apply(subject(net, training=clip((20,) * 5)))
    cut = change(finding, "the present head, cut off from the next frame", "mse")
    assert cut.before > 1
    assert cut.difference == 0


def test_a_head_cut_off_reads_the_past_and_the_present_as_before():
    head = adding_net(head="conv3d").head
    blind = cut_off(head)
    features = torch.rand(4, 1, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(blind(features[:2], None)[0][0], blind(features[:1], None)[0][0])
    assert not torch.equal(head(features[:2], None)[0][0], head(features[:1], None)[0][0])
    assert torch.equal(blind(features, None)[0][-1], head(features, None)[0][-1])


@pytest.mark.parametrize("head", ["frame", "causal3d"])
def test_only_a_head_that_looks_ahead_is_cut_off(head):
    finding = HeadSwap().apply(subject(adding_net(head=head), training=clip((20,) * 5)))
    assert not any("cut off" in one.condition for one in finding.changes)


def test_a_fresh_head_is_that_of_logistic_regression():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(3, 4, 2, 6, 6, generator=generator)
    logits = 1.5 * features[:, :, 0] - 0.7 * features[:, :, 1] + 0.3
    future = (torch.rand(3, 4, 6, 6, generator=generator) < torch.sigmoid(logits)).float()
    head: Any = fitted_head("frame", features, future.transpose(0, 1).unsqueeze(2))
    pixels = features.movedim(2, -1).reshape(-1, 2).numpy()
    expected = LogisticRegression(C=np.inf, tol=1e-8).fit(pixels, future.flatten().numpy())
    assert head.conv.weight.detach().flatten().tolist() == pytest.approx(expected.coef_[0].tolist(), abs=2e-3)
    assert head.conv.bias.item() == pytest.approx(expected.intercept_[0], abs=2e-3)


def test_moving_averages_gone_wrong_are_told_from_those_of_the_batch():
    net: Any = ConvLSTM(layers=1, filters=1, kernel_size=1, normalization=BatchNormalization()).build()
    good = adding_net(forget=-SURE)
    net.layers, net.head = good.layers, good.head
    with torch.no_grad():
        net.norms[0].moving_mean.fill_(100.0)  # features of 0 or 1 all fall far below it: black
        net.head.conv.weight.fill_(2.0)
        net.head.conv.bias.fill_(-8.0)
    asked = subject(net.eval(), (20,) * 5, training=clip((20,) * 5))
    finding = NormalizationStatistics().apply(asked)
    assert change(finding, "the statistics of the present batch", "mse").difference < -0.5 * SQUARE**2
    assert change(finding, "averages recomputed after training", "mse").difference < -0.5 * SQUARE**2


def test_probes_of_the_inside_pass_by_what_has_none():
    floor = replace(subject(adding_net()), model=Persistence().build())
    inside = (Memory(), ForgetGate(), Feeding(), HeadSwap(), NormalizationStatistics(), Gates(), CellGrowth())
    assert not any(probe.applies_to(floor) for probe in inside)
