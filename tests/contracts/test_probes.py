"""Every probe, over nets with every head and normalisation, and over both kinds of network."""

import math

import pytest
import torch

from ablate.findings import load, save
from ablate.models import ConvLSTM, CopyLast, EncoderForecaster
from ablate.models.normalisation import BatchNorm
from ablate.probes import PROBES, Subject
from ablate.probes.tapped import layers_of

CONTEXT, HORIZON, SIDE = 4, 3, 16
SPECS = {
    "plain": ConvLSTM(layers=2, filters=2, kernel_size=3),
    "leaky head": ConvLSTM(layers=1, filters=2, kernel_size=3, head="conv3d", activation="relu"),
    "causal head": ConvLSTM(layers=1, filters=2, kernel_size=2, head="causal3d", normalisation={"kind": "layer"}),
    "batch": ConvLSTM(layers=2, filters=2, kernel_size=3, normalisation={"kind": "batch"}),
    "group": ConvLSTM(layers=1, filters=2, kernel_size=1, normalisation={"kind": "group", "groups": 2}, peepholes=True),
    "encoder-forecaster": EncoderForecaster(layers=2, filters=2, kernel_size=3, patch=2),
    "floor": CopyLast(),
}


def subject(spec):
    with torch.random.fork_rng():
        torch.manual_seed(0)  # noqa: TID251  # layers draw from torch's global state
        model = spec.build().eval()
        videos = torch.rand(6, CONTEXT + HORIZON, 1, SIDE, SIDE).round()
    return Subject(model, videos[:3], CONTEXT, HORIZON, videos[3:], batch=2)


PAIRS = {
    f"{probe.name}, {name}": (probe, spec)
    for probe in PROBES
    for name, spec in SPECS.items()
    if probe.applies_to(subject(spec))
}
every_probe_and_net = pytest.mark.parametrize(("probe", "spec"), PAIRS.values(), ids=PAIRS)


def asked(probe, spec):
    about = subject(spec)
    return about, probe.ask(about)


@every_probe_and_net
def test_it_leaves_the_net_as_it_was(probe, spec):
    fresh = subject(spec)
    about, _ = asked(probe, spec)
    before, after = fresh.model.state_dict(), about.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not about.model.training
    assert (about.rollout() == fresh.rollout()).all()
    assert all(type(layer.tap).__name__ == "Tap" for layer in layers_of(about.model).values())
    assert all(layer.statistics == "moving" for layer in about.model.modules() if isinstance(layer, BatchNorm))


@every_probe_and_net
def test_its_finding_carries_its_name_and_says_something(probe, spec):
    _, finding = asked(probe, spec)
    assert finding.probe == probe.name
    assert finding.sentences
    assert finding.title
    assert finding.asks.endswith(".")


@every_probe_and_net
def test_asked_twice_it_says_the_same(probe, spec):
    assert asked(probe, spec)[1].sentences == asked(probe, spec)[1].sentences


@every_probe_and_net
def test_its_finding_survives_being_stored(probe, spec, tmp_path):
    _, finding = asked(probe, spec)
    save([finding], tmp_path / "probes.json")
    (stored,) = load(tmp_path / "probes.json")
    assert stored.sentences == finding.sentences
    assert [(c.condition, c.measure, c.clips) for c in stored.changes] == [
        (c.condition, c.measure, c.clips) for c in finding.changes
    ]
    for one, other in zip(stored.changes, finding.changes, strict=True):
        assert one.difference == other.difference or math.isnan(one.difference + other.difference)


@every_probe_and_net
def test_it_draws_nothing_from_the_global_stream(probe, spec):
    about = subject(spec)
    before = torch.get_rng_state()
    probe.ask(about)
    assert torch.equal(torch.get_rng_state(), before)


def test_names_differ():
    names = [probe.name for probe in PROBES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_it_applies_to_some_net(probe):
    assert any(asked is probe for asked, _ in PAIRS.values())
