import json
import time
from typing import get_args

import pytest
from rich.console import Console

from ablate.execution.driver import Driver
from ablate.execution.executors.executor import Executor, Failed, Finished, Progressed, Started
from ablate.execution.ledger.ledger import Ledger
from ablate.execution.progress import PlainDisplay
from ablate.execution.results import study_table
from ablate.execution.tracking.tracker import MemoryTracker
from ablate.storage.failed_attempts import RETRIES, FailureKind, failed_attempts
from ablate.storage.paths import RunPaths
from ablate.storage.records import RunRecord


class ScriptedExecutor(Executor):
    """Finishes each task at once, apart from those it is told to fail, to let hang or wait for a place, or to stop at.

    `failing` maps a point to the kinds of failure of its first attempts; the attempts after those succeed.
    """

    def __init__(self, made_record, *, failing=None, hanging=(), waiting_seconds=0.0, stop_after=None):
        self.made_record, self.failing, self.hanging = made_record, dict(failing or {}), hanging
        self.stop_after, self.submitted, self.waiting = stop_after, [], []
        self.canceled, self.closed, self.waiting_seconds = [], False, waiting_seconds

    @property
    def slots(self):
        return 2

    def submit(self, task):
        self.submitted.append(task.planned_run)
        self.waiting.append(task)

    def events(self, timeout):  # noqa: ARG002  # the contract
        if self.stop_after is not None and len(self.submitted) > self.stop_after:
            raise KeyboardInterrupt
        if not self.waiting:
            time.sleep(0.01)
            return []
        task = self.waiting.pop(0)
        if task.planned_run.id in self.hanging:
            return [Started(task.planned_run.id)]
        time.sleep(self.waiting_seconds)
        if kinds := self.failing.get(task.planned_run.id):
            self.failing[task.planned_run.id] = kinds[1:]
            return [Failed(task.planned_run.id, kinds[0], "ValueError: planned")]
        self.made_record(task.planned_run).save(RunPaths(task.folder))
        return [Progressed(task.planned_run.id, 4, 0.4, 0.5), Finished(task.planned_run.id)]

    def cancel(self, planned_run):
        self.canceled.append(planned_run)

    def close(self):
        self.closed = True


@pytest.fixture
def drive(store, made_record):
    def drive(study, tracker=None, **script):
        executor = ScriptedExecutor(made_record, **script)
        driver = Driver(study, store, tracker or MemoryTracker(), executor, PlainDisplay(Console(quiet=True)))
        return driver.run(), executor

    return drive


def test_every_point_is_carried_out_once(drive, small_study):
    study = small_study()
    tally, executor = drive(study)
    assert sorted(run.id for run in executor.submitted) == sorted(run.id for run in study.planned_runs)
    assert (tally.settled, tally.open, tally.failed) == (8, 0, {})


def test_the_order_is_random_and_the_same_for_the_same_study(drive, small_study, tmp_path):
    study = small_study(seeds=[0, 1, 2, 3])
    _, first = drive(study)
    submitted = [planned_run.id for planned_run in first.submitted]
    assert submitted != [planned_run.id for planned_run in study.planned_runs]
    (tmp_path / "mlruns").rename(tmp_path / "before")
    _, second = drive(study)
    assert [planned_run.id for planned_run in second.submitted] == submitted


def test_a_second_start_carries_out_nothing(drive, small_study):
    drive(small_study())
    tally, executor = drive(small_study())
    assert executor.submitted == []
    assert tally.settled == 8


def test_a_failed_point_is_named_and_the_rest_goes_on(drive, small_study):
    study = small_study()
    bad = study.planned_runs[3]
    tally, _ = drive(study, failing={bad.id: ["exception"] * 9})
    assert tally.settled == 7
    assert "ValueError: planned" in tally.failed[bad.id]


def test_a_failed_point_is_tried_again_at_the_next_start(drive, small_study):
    study = small_study()
    drive(study, failing={study.planned_runs[3].id: ["exception"] * 9})
    tally, executor = drive(study)
    assert [planned_run.id for planned_run in executor.submitted] == [study.planned_runs[3].id]
    assert tally.settled == 8


@pytest.mark.parametrize("kind", get_args(FailureKind))
def test_a_point_is_tried_again_as_often_as_its_kind_of_failure_allows(drive, small_study, kind):
    study = small_study()
    bad = study.planned_runs[3].id
    tally, executor = drive(study, failing={bad: [kind] * 99})
    assert [planned_run.id for planned_run in executor.submitted].count(bad) == 1 + RETRIES[kind]
    assert list(tally.failed) == [bad]


@pytest.mark.parametrize("kind", [kind for kind, retries in RETRIES.items() if retries])
def test_a_point_whose_second_attempt_succeeds_has_not_failed(drive, small_study, kind):
    study = small_study()
    tally, _ = drive(study, failing={study.planned_runs[3].id: [kind]})
    assert (tally.settled, tally.open, tally.failed) == (8, 0, {})


def test_another_attempt_is_made_with_the_same_seed(drive, small_study):
    study = small_study()
    bad = study.planned_runs[3]
    _, executor = drive(study, failing={bad.id: ["lost_worker"]})
    assert [planned_run for planned_run in executor.submitted if planned_run.id == bad.id] == [bad, bad]


def test_the_report_counts_failed_attempts_by_kind(drive, store, small_study):
    study = small_study()
    failing = {study.planned_runs[3].id: ["lost_worker", "lost_worker"], study.planned_runs[4].id: ["timeout"]}
    drive(study, failing=failing)
    table = study_table(study, store.study("small"))
    assert table.failed_attempts == {"lost_worker": 2, "timeout": 1}


def test_a_line_that_a_crash_cut_off_is_not_counted(drive, store, small_study):
    study = small_study()
    bad = study.planned_runs[3]
    drive(study, failing={bad.id: ["timeout"]})
    paths = store.study("small").run(bad.id)
    with paths.failed_attempts.open("a") as file:
        file.write('{"trial": 9, "ki')
    assert [attempt.kind for attempt in failed_attempts(paths)] == ["timeout"]


def test_a_run_that_takes_too_long_is_stopped_and_has_failed(drive, small_study):
    study = small_study(budget={"run_minutes": 0.01})
    slow = study.planned_runs[3].id
    tally, executor = drive(study, hanging=[slow])
    assert executor.canceled == [slow] * (1 + RETRIES["timeout"])
    assert "run_minutes" in tally.failed[slow]


def test_a_run_that_waits_for_a_place_takes_no_time(drive, small_study):
    study = small_study(budget={"run_minutes": 0.001}, seeds=1)
    tally, executor = drive(study, waiting_seconds=0.1)
    assert executor.canceled == []
    assert tally.settled == len(study.planned_runs)


def test_an_interrupted_study_goes_on_where_it_stopped(drive, small_study):
    with pytest.raises(KeyboardInterrupt):
        drive(small_study(), stop_after=4)
    tally, executor = drive(small_study())
    assert 0 < len(executor.submitted) < 8
    assert tally.settled == 8


def test_interrupting_closes_the_executor(store, small_study, made_record):
    executor = ScriptedExecutor(made_record, stop_after=2)
    with pytest.raises(KeyboardInterrupt):
        Driver(small_study(), store, MemoryTracker(), executor, PlainDisplay(Console(quiet=True))).run()
    assert executor.closed


def test_added_seeds_run_alone(drive, small_study):
    drive(small_study())
    _, executor = drive(small_study(seeds=[0, 1, 2]))
    assert {planned_run.seed for planned_run in executor.submitted} == {2}
    assert len(executor.submitted) == 4


def test_added_levels_run_alone(drive, small_study):
    drive(small_study())
    wider = {"model.state_kernel_size": [1, 3, 5], "model.activation": ["tanh", "relu"]}
    tally, executor = drive(small_study(factors=wider))
    assert {planned_run.levels["model.state_kernel_size"] for planned_run in executor.submitted} == {"5"}
    assert tally.settled == 12


def test_a_record_the_ledger_never_heard_of_is_taken_in(drive, store, small_study, made_record):
    study = small_study()
    made_record(study.planned_runs[0]).save(store.study("small").run(study.planned_runs[0].id))
    tally, executor = drive(study)
    assert study.planned_runs[0].id not in {planned_run.id for planned_run in executor.submitted}
    assert tally.settled == 8


def test_a_deleted_record_is_made_again(drive, store, small_study):
    study = small_study()
    drive(study)
    store.study("small").run(study.planned_runs[0].id).record.unlink()
    _, executor = drive(study)
    assert [planned_run.id for planned_run in executor.submitted] == [study.planned_runs[0].id]


def test_a_diverged_run_is_an_outcome_not_a_failure(drive, store, small_study, made_record):
    study = small_study()
    planned_run = study.planned_runs[0]
    made_record(planned_run, outcome="diverged").save(store.study("small").run(planned_run.id))
    tally, _ = drive(study)
    assert tally.failed == {}
    assert tally.settled == 8
    assert Ledger.open(store, study).settled()[planned_run.id] == "diverged"


def test_an_unmeasurable_run_has_ended_and_is_counted_at_every_start(drive, store, small_study, made_record):
    study = small_study()
    planned_run = study.planned_runs[0]
    made_record(planned_run, 0.001, defined=[3]).save(store.study("small").run(planned_run.id))
    for _ in range(2):
        tally, _ = drive(study)
        assert (tally.settled, tally.unmeasurable, tally.diverged, tally.measured) == (8, 1, 0, 7)
        assert (tally.failed, tally.open) == ({}, 0)
    assert Ledger.open(store, study).settled()[planned_run.id] == "unmeasurable"


def test_another_floor_trains_nothing_again(drive, small_study):
    drive(small_study())
    tally, executor = drive(small_study(response={"measurable_from": 0.9}))
    assert (executor.submitted, tally.settled) == ([], 8)


def test_a_spent_budget_leaves_the_rest_open(drive, small_study):
    tally, executor = drive(small_study(budget={"minutes": 1e-9}))
    assert executor.submitted == []
    assert tally.out_of_time
    assert tally.open == 8


def test_the_record_survives_a_round_trip(tmp_path, small_study, made_record):
    record = made_record(small_study().planned_runs[0])
    record.save(RunPaths(tmp_path))
    read = RunRecord.load(RunPaths(tmp_path))
    assert read.scores.equals(record.scores)
    assert json.dumps(dict(read.facts)) == json.dumps(dict(record.facts))
    assert (read.examples["rollout"].target == record.examples["rollout"].target).all()
