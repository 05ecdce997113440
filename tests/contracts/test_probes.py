"""Every probe, over nets with every head and normalization, and over both kinds of network."""

from functools import cache

import pytest
import torch

from ablate.components.models import AnyModel, ConvLSTM, EncoderForecaster, Persistence
from ablate.components.models.normalization import BatchNorm
from ablate.components.models.specs import BatchNormalization, GroupNormalization, LayerNormalization
from ablate.components.models.tap import Tap
from ablate.core.plain import plain
from ablate.diagnosis.probes import PROBES, Subject
from ablate.diagnosis.probes.probe import layers_of
from ablate.storage.findings import load, save

CONTEXT, HORIZON, SIDE = 4, 3, 16
SPECS: dict[str, AnyModel] = {
    "plain": ConvLSTM(layers=2, filters=2, kernel_size=3),
    "leaky head": ConvLSTM(layers=1, filters=2, kernel_size=3, head="conv3d", activation="relu"),
    "causal head": ConvLSTM(layers=1, filters=2, kernel_size=2, head="causal3d", normalization=LayerNormalization()),
    "batch": ConvLSTM(layers=2, filters=2, kernel_size=3, normalization=BatchNormalization()),
    "batch at hand": ConvLSTM(layers=1, filters=2, kernel_size=3, normalization=BatchNormalization(statistics="batch")),
    "group": ConvLSTM(layers=1, filters=2, kernel_size=1, normalization=GroupNormalization(groups=2), peepholes=True),
    "encoder-forecaster": EncoderForecaster(layers=2, filters=2, kernel_size=3, patch=2),
    "floor": Persistence(),
}


def subject(name):
    with torch.random.fork_rng():
        torch.manual_seed(0)  # noqa: TID251  # layers draw from torch's global state
        model = SPECS[name].build().eval()
        videos = torch.rand(6, CONTEXT + HORIZON, 1, SIDE, SIDE).round()
    return Subject(model, videos[:3], CONTEXT, HORIZON, videos[3:], batch=2)


PAIRS = {
    f"{probe.name}, {name}": (probe, name) for probe in PROBES for name in SPECS if probe.applies_to(subject(name))
}
every_probe_and_net = pytest.mark.parametrize(("probe", "name"), PAIRS.values(), ids=PAIRS)


@cache
def asked(probe, name):
    about = subject(name)
    return about, probe.apply(about)


@every_probe_and_net
def test_it_leaves_the_net_as_it_was(probe, name):
    fresh = subject(name)
    about, _ = asked(probe, name)
    before, after = fresh.model.state_dict(), about.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert (about.rollout() == fresh.rollout()).all()
    assert torch.equal(about.clips, fresh.clips)
    assert torch.equal(about.training, fresh.training)


@every_probe_and_net
def test_it_leaves_every_part_of_the_net_in_its_mode(probe, name):
    fresh, (about, _) = subject(name), asked(probe, name)
    for before, after in zip(fresh.model.modules(), about.model.modules(), strict=True):
        assert type(after) is type(before)
        assert not after.training
        assert not after._forward_pre_hooks
        assert not after._forward_hooks
        if isinstance(before, BatchNorm):
            assert after.statistics == before.statistics
    assert all(type(layer.tap) is Tap for layer in layers_of(about.model).values())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in about.model.parameters())


@every_probe_and_net
def test_its_finding_carries_its_name_and_says_something(probe, name):
    _, finding = asked(probe, name)
    assert finding.probe == probe.name
    assert finding.sentences
    assert all(sentence.endswith(".") for sentence in finding.sentences)
    assert finding.title
    assert finding.intervention.endswith(".")


@every_probe_and_net
def test_asked_again_it_answers_the_same_to_the_last_digit(probe, name):
    about, first = asked(probe, name)
    assert plain(probe.apply(about)) == plain(first)


@every_probe_and_net
def test_its_finding_survives_being_stored(probe, name, tmp_path):
    _, finding = asked(probe, name)
    save([finding], tmp_path / "probes.json")
    (stored,) = load(tmp_path / "probes.json")
    assert plain(stored) == plain(finding)


@every_probe_and_net
def test_it_draws_nothing_from_the_global_stream(probe, name):
    about = subject(name)
    before = torch.get_rng_state()
    probe.apply(about)
    assert torch.equal(torch.get_rng_state(), before)


def test_names_differ():
    names = [probe.name for probe in PROBES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_it_applies_to_some_net(probe):
    assert any(asked is probe for asked, _ in PAIRS.values())
