"""The plan that is preregistered when a study starts, and the changes after that."""

import json

import pytest
from pydantic import ValidationError

from ablate.planning.books import Book, new_seals
from ablate.planning.preregistered_plan import digest, read
from ablate.planning.preregistration import deviations, preregister, preregistered_settings


@pytest.fixture
def paths(store):
    return store.study("small")


def test_the_digest_is_the_same_for_the_same_study(small_study):
    assert digest(preregistered_settings(small_study())) == digest(preregistered_settings(small_study()))


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


def labeled(small_study, *labels, title=None):
    levels = {"levels": ["tanh", "relu"], "labels": list(labels) or None, "title": title}
    return small_study(factors={"model.activation": levels})


def test_labels_that_are_swapped_are_a_deviation(small_study, paths):
    preregister(paths, labeled(small_study, "smooth", "kinked"))
    said = deviations(paths, labeled(small_study, "kinked", "smooth"))
    assert said == (
        "factors.model.activation.labels was changed from smooth, kinked to kinked, smooth (since the latest start).",
    )


def test_the_title_of_a_factor_is_preregistered(small_study, paths):
    preregister(paths, labeled(small_study, title="activation"))
    said = deviations(paths, labeled(small_study, title="depth"))
    assert [sentence.split(" (")[0] for sentence in said] == [
        "factors.model.activation.title was changed from activation to depth"
    ]


def without(paths, *keys):
    """Take settings out of a plan, as if a version that did not record them had written it."""
    tree = json.loads(paths.plan.read_text())
    for key in [key for key in tree["plan"] if key.endswith(keys)]:
        del tree["plan"][key]
    tree["digest"] = digest(tree["plan"])
    paths.plan.write_text(json.dumps(tree))


def test_a_plan_that_names_no_test_was_made_for_an_older_test(small_study, paths):
    preregister(paths, small_study())
    without(paths, "test")
    (sentence,) = deviations(paths, small_study())
    assert sentence == (
        "test was changed from permutation tests with the Holm adjustment to f test with the Holm adjustment "
        "(since the latest start)."
    )


def test_another_floor_of_measurable_runs_is_a_deviation(small_study, paths):
    preregister(paths, small_study())
    assert deviations(paths, small_study()) == ()
    (sentence,) = deviations(paths, small_study(response={"measurable_from": 0.3}))
    assert sentence == "response.measurable_from was changed from 0.5 to 0.3 (since the latest start)."


def test_a_plan_that_names_no_floor_was_made_for_any_defined_frame(small_study, paths):
    preregister(paths, small_study())
    without(paths, "response.measurable_from")
    (sentence,) = deviations(paths, small_study())
    assert sentence == "response.measurable_from was changed from 0.0 to 0.5 (since the latest start)."
    assert deviations(paths, small_study(response={"measurable_from": 0})) == ()


def test_the_floor_is_no_part_of_a_runs_identity(small_study):
    changed = small_study(response={"measurable_from": 0.9})
    assert [run.id for run in changed.planned_runs] == [run.id for run in small_study().planned_runs]


@pytest.mark.parametrize("floor", [-0.1, 1.1, "half"])
def test_a_floor_that_is_no_share_is_refused(small_study, floor):
    with pytest.raises(ValidationError, match="measurable_from"):
        small_study(response={"measurable_from": floor})


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [
        (2, "f test with the Holm adjustment"),
        (6, "seed flips with the max-T adjustment"),
        (1, "run flips with the max-T adjustment"),
    ],
)
def test_the_plan_names_the_test_of_its_runs(small_study, seeds, expected):
    assert preregistered_settings(small_study(seeds=seeds))["test"] == expected


def test_names_that_an_older_plan_does_not_hold_are_added_to_it_and_are_no_deviation(small_study, paths):
    first = labeled(small_study, "smooth", "kinked")
    preregister(paths, first)
    without(paths, ".labels", ".title")
    assert deviations(paths, first) == ()
    preregister(paths, first)
    assert deviations(paths, first) == ()
    said = deviations(paths, labeled(small_study, "kinked", "smooth"))
    assert [sentence.split(" (")[0] for sentence in said] == [
        "factors.model.activation.labels was changed from smooth, kinked to kinked, smooth"
    ]


def test_the_preregistered_plan_holds_what_was_decided(small_study, paths):
    preregister(paths, small_study(seeds=6, analysis={"margin": 0.02}))
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
    preregister(paths, small_study(seeds=6))
    factors = {**small_study().factors, "model.head": ["frame", "conv3d"]}
    said = " ".join(deviations(paths, small_study(seeds=6, factors=factors)))
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
    assert new_seals(paths, {}) == {}
    preregister(paths, small_study())
    assert stored(paths).plan == preregistered_settings(small_study())
    assert "The first plan is lost" in deviations(paths, small_study())[0]
    assert paths.damaged_plan.read_bytes() == damage


def test_a_plan_that_was_edited_by_hand_is_not_believed(small_study, paths):
    preregister(paths, small_study())
    paths.plan.write_text(paths.plan.read_text().replace('"analysis.alpha": 0.05', '"analysis.alpha": 0.1'))
    assert "was edited" in deviations(paths, small_study())[0]


def test_a_study_that_never_started_has_no_deviations(small_study, paths):
    assert deviations(paths, small_study()) == ()


def test_a_plan_that_is_missing_after_the_first_run_is_a_deviation(small_study, paths, made_record):
    study = small_study()
    preregister(paths, study)
    made_record(study.planned_runs[0]).save(paths.run(study.planned_runs[0].id))
    paths.plan.unlink()
    (before,) = deviations(paths, study)
    assert before.startswith("No preregistered plan was found, but the study has 1 run on disk.")
    preregister(paths, study)
    (after,) = deviations(paths, study)
    assert after.startswith(before)
    assert "The plan was written on 20" in after
    assert after.endswith("after the first run.")


def test_a_failed_run_shows_that_a_plan_is_missing(small_study, paths):
    files = paths.run(small_study().planned_runs[0].id)
    files.folder.mkdir(parents=True)
    files.log.write_text("ValueError")
    assert "1 run on disk" in deviations(paths, small_study())[0]


@pytest.mark.parametrize("book", [Book("Optuna", has_runs=True), Book("Optuna", {"plan.digest": "0" * 64})])
def test_entries_in_a_book_show_that_a_plan_is_missing(small_study, paths, book):
    (missing,) = deviations(paths, small_study(), [book, Book("MLflow")])
    assert "the study has entries in Optuna. " in missing
    preregister(paths, small_study(), [book])
    plan = read(paths)
    assert plan is not None
    assert plan.note is not None
