"""The record of looks at a study's results: what is kept, which looks were planned, and what unplanned ones mean."""

import json
from dataclasses import replace

import pytest

from ablate.core.errors import DataError
from ablate.execution.results import decided_after, study_table
from ablate.inference.infer import infer
from ablate.inference.verdict import Verdict
from ablate.planning.sequential_looks import LookExtent, exploratory_from, is_decided, look_at, unplanned_looks
from ablate.storage.looks import RecordedLook, add_look, recorded_looks
from tests.sequential_tables import sequential_settings, sequential_table

RANGE = {"from": 6, "to": 8}


def look(seeds, planned_seeds=8, *, is_planned=True, verdict="cause", **changes):
    values = {"at": f"day {seeds}", "runs": 4 * seeds, "stops": False, "tests": (), "plan": None} | changes
    return RecordedLook(
        seeds=seeds, planned_seeds=planned_seeds, is_planned=is_planned, verdicts={"a": verdict}, **values
    )


@pytest.fixture
def paths(store):
    return store.study("small")


def test_looks_are_kept_in_the_order_in_which_they_were_taken(paths):
    for seeds in (6, 7, 8):
        looks = add_look(paths, look(seeds))
    assert looks == recorded_looks(paths)
    assert [entry["seeds"] for entry in json.loads(paths.looks.read_text())["looks"]] == [6, 7, 8]


def test_a_look_that_shows_the_same_again_is_not_added(paths):
    add_look(paths, look(6))
    assert len(add_look(paths, look(6, at="a later day"))) == 1
    assert len(add_look(paths, look(6, runs=23))) == 2


def test_a_record_that_cannot_be_read_is_an_error_and_is_kept(paths):
    add_look(paths, look(6))
    paths.looks.write_text('{"looks": [{"seeds": 6}]}')
    with pytest.raises(DataError, match=r"looks\.json cannot be read .* restore it"):
        add_look(paths, look(7))
    assert paths.looks.read_text() == '{"looks": [{"seeds": 6}]}'


def test_planned_looks_leave_the_verdicts_confirmatory():
    assert exploratory_from([look(6), look(7), look(8)]) is None


def test_verdicts_of_half_a_study_make_all_later_ones_exploratory():
    looks = [look(5, is_planned=False), look(8)]
    assert exploratory_from(looks) == (
        "from this look on: the look of day 5 at 20 runs was not planned: it named verdicts before the "
        "study was complete."
    )


def test_half_a_study_that_names_no_verdict_changes_nothing():
    assert unplanned_looks([look(5, is_planned=False, verdict="undecided"), look(8)]) == ()


@pytest.mark.parametrize("verdict", ["undecided", "cause"])
def test_seeds_that_are_added_after_a_look_make_the_verdicts_exploratory(verdict):
    # whatever the first look showed: seeds added until something is named err in 9 to 21 % of studies
    (sentence,) = unplanned_looks([look(8, verdict=verdict), look(12, 12)])
    assert sentence.startswith("The look of day 12 at 12 seeds was not planned: seeds were added after a look")


def test_a_sequential_study_plans_every_look_of_its_range(small_study, paths):
    study, inference = small_study(seeds=RANGE), infer(sequential_table(6), sequential_settings())
    planned = [
        look_at(study, paths, inference, LookExtent(seeds, 4 * seeds, is_complete=False)).is_planned
        for seeds in (5, 6, 7, 8)
    ]
    assert planned == [False, True, True, True]


def test_another_study_plans_a_look_after_its_last_run_alone(small_study, paths):
    inference = infer(sequential_table(8), sequential_settings())
    for is_complete in (False, True):
        extent = LookExtent(8, 32, is_complete=is_complete)
        assert look_at(small_study(seeds=8), paths, inference, extent).is_planned is is_complete


def test_a_look_holds_statistic_boundary_and_sequential_p_of_every_hypothesis(small_study, paths):
    inference = infer(sequential_table(8, effect=2.0), sequential_settings())
    recorded = look_at(small_study(seeds=RANGE), paths, inference, LookExtent(8, 64, is_complete=True))
    for test, path in zip(recorded.tests, inference.paths, strict=True):
        assert (test.p_adjusted, test.statistic, test.boundary) == (
            path.p,
            path.looks[-1].statistic,
            path.looks[-1].boundary,
        )
    assert recorded.verdicts["a"] == "cause"


def decided(small_study, verdicts, pairs="none", p=None):
    inference = infer(sequential_table(8, effect=2.0), sequential_settings())
    changed = [replace(verdict, verdict=new) for verdict, new in zip(inference.verdicts, verdicts, strict=False)]
    interactions = tuple(
        replace(pair, factors=("model.state_kernel_size", "model.activation"), p_adjusted=p)
        for pair in inference.interactions[:1]
    )
    named = [
        replace(verdict, factor=path)
        for verdict, path in zip(changed, ["model.state_kernel_size", "model.activation"], strict=False)
    ]
    study = small_study(seeds=RANGE, analysis={"interactions": pairs})
    return is_decided(study, replace(inference, verdicts=tuple(named), interactions=interactions))


def test_a_study_is_decided_once_no_factor_is_undecided(small_study):
    assert decided(small_study, [Verdict.CAUSE, Verdict.NOT_A_CAUSE])
    assert not decided(small_study, [Verdict.CAUSE, Verdict.UNDECIDED])


@pytest.mark.parametrize(
    ("second", "p", "expected"),
    [(Verdict.CAUSE, 0.01, True), (Verdict.CAUSE, 0.6, False), (Verdict.NOT_A_CAUSE, 0.6, True)],
)
def test_a_pair_that_the_study_names_must_be_named_or_one_factor_cleared(small_study, second, p, expected):
    pairs = [["model.state_kernel_size", "model.activation"]]
    assert decided(small_study, [Verdict.CAUSE, second], pairs, p) is expected


def stored(study, store, made_record, seeds, extra=()):
    """Store the results of the first seeds, and of the planned runs in `extra`."""
    for run in study.planned_runs:
        if run.seed < seeds or run in extra:
            made_record(run, 0.2 + 0.01 * run.seed).save(store.study("small").run(run.id))


def test_a_sequential_study_is_analyzed_by_its_complete_seeds(small_study, store, made_record):
    study = small_study(seeds=RANGE)
    ahead = [run for run in study.planned_runs if run.seed == 7][:2]
    stored(study, store, made_record, 7, ahead)
    assert study_table(study, store.study("small")).complete_seeds == (0, 1, 2, 3, 4, 5, 6)


def test_runs_after_a_decision_are_neither_missing_nor_analyzed(small_study, store, made_record, paths):
    study = small_study(seeds=RANGE)
    stored(study, store, made_record, 7)
    add_look(paths, look(6, stops=True))
    table = study_table(study, paths)
    assert decided_after(study, paths) == 6
    assert (set(table.runs["seed"]), table.not_needed) == ({0, 1, 2, 3, 4, 5}, 8)
    assert "missing" not in set(table.runs["outcome"])


def test_a_study_that_goes_on_after_its_decision_uses_all_its_seeds(small_study, store, made_record, paths):
    study = small_study(seeds=RANGE)
    stored(study, store, made_record, 8)
    add_look(paths, look(6, stops=True))
    add_look(paths, look(7))
    assert decided_after(study, paths) is None
    assert len(study_table(study, paths).runs) == 32
