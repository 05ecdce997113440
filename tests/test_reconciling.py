"""What a book needs to agree with the records on disk: decided for each run by its entries in both books."""

import math
from dataclasses import replace

import pytest

from ablate.execution.measured_run import response_definition
from ablate.execution.reconciling import Entry, corrections, stored_runs
from ablate.storage.records import SCORED_BEFORE, RunRecord


@pytest.fixture
def study(small_study):
    return small_study()


@pytest.fixture
def planned_run(study):
    return study.planned_runs[0]


@pytest.fixture
def files(store, study, planned_run):
    return store.study(study.name).run(planned_run.id)


@pytest.fixture
def entry(study, planned_run, files, made_record):
    """Return the entry of the one run with a record on disk: response 0.25."""
    made_record(planned_run, 0.25).save(files)
    return Entry("1", planned_run.id, RunRecord.load(files).digest, 0.25, response_definition(study))


@pytest.fixture
def correct(store, study):
    """Return what a book needs: the missing runs, and the ids of superseded entries."""

    def correct(entries, other_entries=(), trusted=()):
        found = corrections(
            stored_runs(study, store.study(study.name)), list(entries), list(other_entries), list(trusted)
        )
        return list(found.missing), [entry.id for entry in found.superseded]

    return correct


def test_a_book_that_shows_the_record_needs_nothing(correct, entry):
    assert correct([entry]) == ([], [])


def test_a_record_that_a_book_lacks_is_missing_there(correct, entry):
    assert correct([], [entry]) == ([entry.run], [])


def test_a_record_that_is_shown_twice_is_superseded_but_for_the_latest(correct, entry):
    assert correct([entry, replace(entry, id="2")]) == ([], ["1"])


def test_the_attempt_whose_record_was_deleted_is_superseded_by_the_one_that_repeated_it(correct, entry):
    assert correct([replace(entry, id="0", digest="of the deleted one"), entry]) == ([], ["0"])


def test_an_attempt_that_lost_its_record_after_it_had_been_shown_stays_superseded_by_the_record_on_disk(correct, entry):
    assert correct([entry, replace(entry, id="2", digest="of the deleted one")]) == ([], ["2"])


def test_a_record_that_was_changed_after_its_run_had_ended_is_left_alone(correct, entry):
    changed = replace(entry, digest="before the change")
    assert correct([changed], [changed]) == ([], [])


def test_a_record_that_was_changed_is_not_entered_in_a_book_that_lacks_it(correct, entry):
    assert correct([], [replace(entry, digest="before the change")]) == ([], [])


def test_a_changed_record_is_entered_where_a_merge_replaced_it(correct, entry):
    changed = replace(entry, digest="before the merge")
    assert correct([changed], [changed], [entry.run]) == ([entry.run], ["1"])


def test_a_record_that_one_book_knows_is_entered_in_the_book_that_knows_the_former_one(correct, entry):
    assert correct([replace(entry, digest="of the deleted one")], [entry]) == ([entry.run], ["1"])


def test_a_record_that_was_scored_again_is_entered_in_place_of_the_former_scores(correct, entry, files):
    former = RunRecord.load(files)
    replace(former, facts={**former.facts, SCORED_BEFORE: str(former.digest)}).save(files)
    assert correct([entry], [entry]) == ([entry.run], ["1"])


def test_another_response_is_entered_in_place_of_the_former_one(correct, entry):
    former = replace(entry, response=0.75, definition="another response")
    assert correct([former]) == ([entry.run], ["1"])


def test_an_entry_of_an_earlier_version_that_shows_the_response_is_enough(correct, entry):
    assert correct([replace(entry, digest=None, definition=None)]) == ([], [])


@pytest.mark.parametrize("response", [math.nan, 0.2500001])
def test_an_entry_of_an_earlier_version_with_another_response_is_replaced(correct, entry, response):
    former = replace(entry, digest=None, definition=None, response=response)
    assert correct([former]) == ([entry.run], ["1"])


def test_an_entry_without_a_record_here_is_left_alone(correct, entry, files):
    files.record.unlink()
    assert correct([entry, replace(entry, id="2")]) == ([], [])


@pytest.mark.parametrize("name", ["record.json", "scores.parquet", "examples.npz"])
def test_a_damaged_record_is_entered_nowhere(correct, entry, files, name):
    (files.folder / name).write_bytes(b"damaged")
    assert correct([], [entry]) == ([], [])


def test_two_runs_are_decided_apart(correct, entry, study, store, made_record):
    second = study.planned_runs[1]
    made_record(second, 0.5).save(store.study(study.name).run(second.id))
    assert correct([entry, replace(entry, id="2")]) == ([second.id], ["1"])
