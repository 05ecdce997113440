"""What Optuna and MLflow hold of a plan, of exclusions and of records, compared with what lies on disk."""

import json

import pytest

from ablate.planning.books import Book, broken_seals, changed_records, new_seals, unchecked
from ablate.planning.preregistered_plan import digest, read
from ablate.planning.preregistration import deviations, preregister
from ablate.storage.exclusions import Exclusion, add_exclusions
from ablate.storage.looks import RecordedLook, add_look


@pytest.fixture
def paths(store, small_study):
    """Return the paths of a study that was preregistered, and changed at its second start."""
    paths = store.study("small")
    preregister(paths, small_study())
    preregister(paths, small_study(analysis={"alpha": 0.1}))
    return paths


def books(seals):
    return [Book("Optuna", seals), Book("MLflow", seals)]


def edited(paths, change):
    """Change plan.json by hand, with a digest that matches."""
    tree = json.loads(paths.plan.read_text())
    change(tree)
    tree["digest"] = digest(tree["plan"])
    paths.plan.write_text(json.dumps(tree))


def exclusion(run="1" * 16, change="exclude", results=1):
    return Exclusion(run, "baseline, seed 0", change, "a bad node", "2026-01-01 10:00 UTC", results)


def test_seals_match_an_untouched_plan(paths):
    assert list(broken_seals(paths, books(new_seals(paths, {})))) == []


def test_a_book_without_seals_breaks_none(paths):
    assert list(broken_seals(paths, books({}))) == []


def test_a_plan_with_more_changes_than_a_book_holds_is_no_edit(paths, small_study):
    seals = new_seals(paths, {})
    preregister(paths, small_study(analysis={"alpha": 0.01}))
    assert list(broken_seals(paths, books(seals))) == []
    assert new_seals(paths, seals)["plan.chain"] != seals["plan.chain"]


def test_another_plan_is_named_with_both_digests(paths):
    seals = new_seals(paths, {})
    edited(paths, lambda tree: tree["plan"].update({"analysis.alpha": 0.2}))
    exchanged, _ = broken_seals(paths, books(seals))
    plan = read(paths)
    assert plan is not None
    assert exchanged.startswith("The preregistered plan was exchanged: Optuna and MLflow recorded the digest ")
    assert seals["plan.digest"][:12] in exchanged
    assert plan.digest[:12] in exchanged


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: tree["changes"].clear(),
        lambda tree: tree["changes"][0].update(after=0.05),
        lambda tree: tree["changes"][0].update(since="never"),
        lambda tree: tree.update(preregistered_at="2020-01-01 00:00 UTC"),
        lambda tree: tree.update(note="all is well"),
    ],
)
def test_an_edited_history_of_the_plan_is_noticed(paths, change):
    seals = new_seals(paths, {})
    edited(paths, change)
    (sentence,) = broken_seals(paths, books(seals))
    assert sentence.startswith("plan.json was edited: it does not hold all that Optuna and MLflow recorded")


def test_a_broken_seal_is_never_replaced(paths, small_study):
    seals = new_seals(paths, {})
    paths.plan.unlink()
    preregister(paths, small_study(analysis={"alpha": 0.2}), books(seals))
    assert new_seals(paths, seals) == {}
    assert len(list(broken_seals(paths, books(seals)))) == 2


def test_a_book_that_disagrees_is_named_alone(paths):
    seals = new_seals(paths, {})
    (sentence,) = broken_seals(paths, [Book("Optuna", seals), Book("MLflow", {**seals, "plan.chain": "0" * 64})])
    assert "all that MLflow recorded" in sentence


def test_exclusions_that_were_removed_are_noticed(paths, small_study):
    add_exclusions(paths, [exclusion()])
    seals = new_seals(paths, {})
    add_exclusions(paths, [exclusion("2" * 16)])
    assert list(broken_seals(paths, books(seals))) == []
    paths.exclusions.unlink()
    (sentence,) = [
        sentence for sentence in deviations(paths, small_study(), books(seals)) if "exclusions.jsonl" in sentence
    ]
    assert sentence == (
        "exclusions.jsonl was edited or removed: it does not hold all the exclusions that Optuna and MLflow recorded "
        "at an earlier start."
    )


def look(seeds):
    return RecordedLook(
        at="2026-01-01 10:00 UTC",
        seeds=seeds,
        planned_seeds=8,
        runs=4 * seeds,
        is_planned=True,
        stops=False,
        verdicts={"a": "undecided"},
        tests=(),
        plan=None,
    )


def test_a_look_that_was_removed_is_noticed_and_one_that_was_added_is_none(paths):
    add_look(paths, look(6))
    seals = new_seals(paths, {})
    add_look(paths, look(7))
    assert list(broken_seals(paths, books(seals))) == []
    paths.looks.unlink()
    add_look(paths, look(7))
    (sentence,) = broken_seals(paths, books(seals))
    assert sentence.startswith("looks.json was edited or removed: ")


def test_an_exclusion_after_results_is_a_deviation_and_one_before_is_not(paths, small_study):
    add_exclusions(paths, [exclusion("1" * 16, results=0), exclusion("2" * 16, results=3)])
    (sentence,) = [sentence for sentence in deviations(paths, small_study()) if "excluded" in sentence]
    assert sentence == (
        'The run "baseline, seed 0" (2222222222222222) was excluded from the analysis on 2026-01-01 10:00 UTC, when 3 '
        "runs had a result. Reason: a bad node"
    )


def test_a_changed_record_is_named_with_the_books_that_hold_another_digest():
    held = [Book("Optuna", records={"a": "1", "b": "2"}), Book("MLflow", records={"a": "1"})]
    (sentence,) = changed_records({"a": "1", "b": "3", "c": None}, {"a": "A", "b": "B", "c": "C"}, held)
    assert sentence == (
        'The record of the run "B" (b) was changed after the run had ended: its digest is not the one that Optuna '
        "recorded."
    )


def test_records_that_no_book_protects_are_counted():
    held = [Book("Optuna", records={"a": "1"}), Book("MLflow", problem="locked")]
    unread, unprotected = unchecked({"a": "1", "b": None, "c": "3"}, held)
    assert unread == "MLflow could not be read (locked), so plan and records were not compared with it."
    assert unprotected.startswith("Neither Optuna nor MLflow holds the digest of the results of 2 runs, ")
    assert list(unchecked({"a": "1"}, [Book("Optuna", records={"a": "1"})])) == []
