"""The plan that is preregistered when a study starts, and the changes after that."""

import json

import pytest

from ablate.planning.planner import plan
from ablate.planning.preregistration import deviations, digest, digest_tag, preregister, preregistered_settings, read


@pytest.fixture
def paths(store):
    return store.study("small")


def test_the_digest_is_the_same_for_the_same_study(small_study):
    assert digest(preregistered_settings(small_study())) == digest(preregistered_settings(small_study()))
    assert digest(preregistered_settings(small_study())) == plan(small_study()).digest


@pytest.mark.parametrize(
    "changes",
    [
        {"question": "Another?"},
        {"seeds": [0, 2]},
        {"analysis": {"alpha": 0.01}},
        {"analysis": {"margin": 0.02}},
        {"analysis": {"interactions": "none"}},
        {"response": {"metric": "mse"}},
        {"exploratory": False},
        {"factors": {"model.activation": ["tanh", "relu"]}},
    ],
)
def test_what_changes_a_verdict_changes_the_digest(small_study, changes):
    assert digest(preregistered_settings(small_study(**changes))) != digest(preregistered_settings(small_study()))


@pytest.mark.parametrize("changes", [{"budget": {"minutes": 5}}, {"probes": "extremes"}, {"analysis": {"sd": 0.1}}])
def test_what_changes_no_verdict_leaves_the_digest(small_study, changes):
    assert digest(preregistered_settings(small_study(**changes))) == digest(preregistered_settings(small_study()))


def test_the_title_of_a_factor_is_not_preregistered(small_study):
    untitled, titled = (
        small_study(factors={"model.activation": {"levels": ["tanh", "relu"], "title": title}})
        for title in (None, "activation")
    )
    assert digest(preregistered_settings(untitled)) == digest(preregistered_settings(titled))


def test_the_preregistered_plan_holds_what_was_decided(small_study, paths):
    preregister(paths, small_study(analysis={"margin": 0.02}))
    plan = json.loads(paths.plan.read_text())
    assert plan["digest"] == digest(plan["plan"])
    assert plan["preregistered_at"].endswith("UTC")
    kernel, activation = "model.state_kernel_size", "model.activation"
    assert plan["plan"]["hypotheses"] == [kernel, activation, f"{kernel} x {activation}"]
    assert plan["plan"]["family"] == 3
    assert plan["plan"]["analysis.margin"] == 0.02
    assert plan["plan"]["design.kind"] == "full_factorial"
    assert plan["plan"]["response.metric"] == "ghost_ratio"


def test_an_unchanged_start_leaves_the_file_as_it_is(small_study, paths):
    preregister(paths, small_study())
    first = paths.plan.read_bytes()
    preregister(paths, small_study())
    assert paths.plan.read_bytes() == first
    assert deviations(paths, small_study()) == ()


def stored(paths):
    plan = read(paths)
    assert plan is not None
    return plan


def test_a_later_change_is_a_deviation_and_the_first_plan_is_kept(small_study, paths):
    preregister(paths, small_study())
    kept = stored(paths)
    preregister(paths, small_study(seeds=[0, 1, 2], analysis={"alpha": 0.1}))
    assert stored(paths).plan == kept.plan
    assert stored(paths).digest == kept.digest
    said = deviations(paths, small_study(seeds=[0, 1, 2], analysis={"alpha": 0.1}))
    assert len(said) == 2
    assert said[0].startswith("seeds was changed from 0, 1 to 0, 1, 2 (since the start of 20")
    assert said[1].startswith("analysis.alpha was changed from 0.05 to 0.1 (since the start of 20")


def test_a_change_that_is_taken_back_stays_listed(small_study, paths):
    for alpha in (0.05, 0.1, 0.05):
        preregister(paths, small_study(analysis={"alpha": alpha}))
    said = deviations(paths, small_study())
    assert ["from 0.05 to 0.1" in said[0], "from 0.1 to 0.05" in said[1], len(said)] == [True, True, 2]


def test_a_change_that_no_start_had_yet_is_listed_too(small_study, paths):
    preregister(paths, small_study())
    said = deviations(paths, small_study(analysis={"margin": 0.02}))
    assert said == ("analysis.margin was changed from none to 0.02 (since the latest start).",)
    assert stored(paths).changes == ()


def test_a_factor_that_is_added_shows_as_its_levels_and_its_hypotheses(small_study, paths):
    preregister(paths, small_study())
    factors = {**small_study().factors, "model.head": ["frame", "conv3d"]}
    said = " ".join(deviations(paths, small_study(factors=factors)))
    assert "factors.model.head.levels was changed from none to frame, conv3d" in said
    assert "family was changed from 3 to 6" in said


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"preregistered_at": "x", "digest": "y", "plan": [], "changes": 3, "note": null}',
        b'{"preregistered_at": "x", "digest": "y", "plan": {}, "changes": [{"what": 1}], "note": null}',
    ],
)
def test_a_damaged_plan_is_reported_and_preregistered_again(small_study, paths, damage):
    preregister(paths, small_study())
    paths.plan.write_bytes(damage)
    assert "The preregistered plan is lost" in deviations(paths, small_study())[0]
    assert digest_tag(paths) == {}
    preregister(paths, small_study())
    assert stored(paths).plan == preregistered_settings(small_study())
    assert "The first plan is lost" in deviations(paths, small_study())[0]
    assert paths.damaged_plan.read_bytes() == damage


def test_a_plan_that_was_edited_by_hand_is_not_believed(small_study, paths):
    preregister(paths, small_study())
    paths.plan.write_text(paths.plan.read_text().replace('"analysis.alpha": 0.05', '"analysis.alpha": 0.1'))
    assert "was edited" in deviations(paths, small_study())[0]


def test_without_a_preregistered_plan_there_are_no_deviations(small_study, paths):
    assert deviations(paths, small_study()) == ()
    assert digest_tag(paths) == {}


def test_the_digest_is_a_tag_of_the_study(small_study, paths):
    preregister(paths, small_study())
    assert digest_tag(paths) == {"plan.digest": plan(small_study()).digest}
