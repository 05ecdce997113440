"""The driver of a sequential study: order, looks, stopping, and what it leaves in Optuna, the tracker and the tally."""

import time
from collections import Counter
from itertools import groupby

import optuna
import pytest
from rich.console import Console

from ablate.analysis.analysis import infer_verdicts
from ablate.execution.driver import Driver
from ablate.execution.executors.executor import Executor, Failed, Finished, Started
from ablate.execution.ledger.ledger import Ledger
from ablate.execution.progress import PlainDisplay
from ablate.execution.results import study_table
from ablate.execution.tracking.tracker import MemoryTracker
from ablate.inference.verdict import Verdict
from ablate.storage.paths import RunPaths

RANGE = {"from": 2, "to": 5}


class Workers(Executor):
    """Finishes the oldest task of each call, but those to fail, to be slow (until nothing else runs), or to stop at."""

    def __init__(self, made_record, slots=2, failing=(), slow=(), unmeasurable=(), stop_after=None):
        self.made_record, self.failing, self.slow, self._slots = made_record, failing, slow, slots
        self.unmeasurable = unmeasurable
        self.running, self.submitted, self.canceled, self.stop_after = [], [], [], stop_after

    @property
    def slots(self):
        return self._slots

    def submit(self, task):
        self.submitted.append(task.planned_run)
        self.running.append(task)

    def events(self, timeout):  # noqa: ARG002  # the contract
        if self.stop_after is not None and len(self.submitted) > self.stop_after:
            raise KeyboardInterrupt
        if not self.running:
            time.sleep(0.01)
            return []
        task = next((task for task in self.running if task.planned_run.id not in self.slow), self.running[0])
        self.running.remove(task)
        if task.planned_run.id in self.failing:
            return [Failed(task.planned_run.id, "exception", "ValueError: planned")]
        defined = [1] if task.planned_run.id in self.unmeasurable else [1, 2, 3]
        self.made_record(task.planned_run, defined=defined).save(RunPaths(task.folder))
        return [Started(task.planned_run.id), Finished(task.planned_run.id)]

    def cancel(self, run_id):
        self.canceled.append(run_id)
        self.running = [task for task in self.running if task.planned_run.id != run_id]

    def close(self):
        pass


@pytest.fixture
def drive(store, made_record):
    """Return a function that runs a study until `stop_at` seeds; it returns the tally, the workers, and the looks."""

    def drive(study, stop_at=None, tracker=None, **workers):
        looks = []

        def decide(seeds):
            looks.append(seeds)
            return seeds == stop_at

        executor = Workers(made_record, **workers)
        driver = Driver(study, store, tracker or MemoryTracker(), executor, PlainDisplay(Console(quiet=True)), decide)
        return driver.run(), executor, looks

    return drive


def trials(store):
    study = optuna.load_study(study_name="small", storage=store.optuna_url)
    return Counter((trial.state.name, trial.user_attrs.get("outcome")) for trial in study.trials)


def test_seeds_run_in_order_and_cells_in_another_order_within_each(drive, small_study):
    study = small_study(seeds=RANGE)
    _, executor, _ = drive(study, slots=1)
    assert [seed for seed, _ in groupby(run.seed for run in executor.submitted)] == list(study.seeds)
    orders = {tuple(run.title.rpartition(",")[0] for run in executor.submitted if run.seed == s) for s in study.seeds}
    assert len(orders) > 1


def test_a_look_is_taken_after_every_seed_from_the_first_look_on(drive, small_study):
    assert drive(small_study(seeds=RANGE))[2] == [2, 3, 4, 5]


def test_an_unmeasurable_run_has_ended_and_holds_up_no_look(drive, small_study, store):
    study = small_study(seeds=RANGE)
    lost = [run.id for run in study.planned_runs if run.seed == 1]
    tally, _, looks = drive(study, unmeasurable=lost)
    assert looks == [2, 3, 4, 5]
    assert (tally.unmeasurable, tally.open, tally.failed) == (len(lost), 0, {})
    table = study_table(study, store.study("small"))
    assert table.complete_seeds == tuple(study.seeds)
    assert infer_verdicts(table, study.settings)[1] == len(study.planned_runs) - len(lost)


def test_a_look_at_a_study_without_any_response_decides_nothing(drive, small_study, store):
    study = small_study(seeds=RANGE)
    drive(study, unmeasurable=[run.id for run in study.planned_runs])
    inference, runs = infer_verdicts(study_table(study, store.study("small"), 2), study.settings)
    assert runs == 0
    assert {verdict.verdict for verdict in inference.verdicts} <= {Verdict.UNDECIDED}


def test_a_decided_study_hands_out_no_more_runs(drive, small_study):
    study = small_study(seeds=RANGE)
    tally, executor, looks = drive(study, stop_at=3)
    assert looks == [2, 3]
    assert max(run.seed for run in executor.submitted) <= 3  # one seed ahead of the decision at most
    assert (tally.decided_after, tally.open, tally.failed) == (3, 0, {})
    assert tally.settled + tally.not_needed == len(study.planned_runs)


@pytest.mark.parametrize("slots", [1, 3, 8, 50])
def test_workers_are_never_more_than_one_seed_ahead_of_a_decision(small_study, store, made_record, slots):
    study = small_study(seeds=RANGE)
    executor, decided = Workers(made_record, slots), [0]

    def decide(seeds):
        # the decision at `seeds` is open until now
        assert max(run.seed for run in executor.submitted) + 1 <= seeds + 1
        decided.append(seeds)
        return False

    Driver(study, store, MemoryTracker(), executor, PlainDisplay(Console(quiet=True)), decide).run()
    assert decided == [0, 2, 3, 4, 5]


def test_a_slow_run_holds_back_the_seed_after_the_next(drive, small_study):
    study = small_study(seeds=RANGE)
    slow = next(run.id for run in study.planned_runs if run.seed == 1)
    tally, executor, looks = drive(study, slots=2, slow=[slow])
    order = [run.seed for run in executor.submitted]
    assert order.index(3) > order.index(2) + 3  # all of seed 2 started before any of seed 3
    assert (looks, tally.settled) == ([2, 3, 4, 5], 20)


def test_runs_of_later_seeds_are_stopped_and_leave_nothing_open(drive, small_study, store):
    study, tracker = small_study(seeds=RANGE), MemoryTracker()
    tally, executor, _ = drive(study, stop_at=2, tracker=tracker, slots=3)
    assert executor.canceled
    assert trials(store) == {("COMPLETE", "finished"): tally.settled, ("FAIL", "not needed"): len(executor.canceled)}
    ends = Counter((run.status, run.outcome) for run in tracker.runs.values())
    assert ends == {("FINISHED", "finished"): tally.settled, ("KILLED", "not needed"): len(executor.canceled)}


def test_trials_that_waited_before_the_decision_are_withdrawn(drive, small_study, store):
    study = small_study(seeds=RANGE)
    drive(study, stop_at=2, slots=1)
    ledger = Ledger.open(store, study)
    ledger.enqueue([run for run in study.planned_runs if run.seed == 4])
    drive(study, stop_at=2, slots=1)
    assert trials(store)["WAITING", None] == 0
    assert trials(store)["FAIL", "not needed"] == 4


def test_a_run_that_failed_for_good_completes_its_seed(drive, small_study):
    study = small_study(seeds=RANGE)
    bad = next(run.id for run in study.planned_runs if run.seed == 0)
    tally, _, looks = drive(study, stop_at=3, failing=[bad])
    assert looks == [2, 3]
    assert list(tally.failed) == [bad]


def test_a_failure_of_a_seed_that_is_not_needed_is_no_failure(drive, small_study):
    study = small_study(seeds=RANGE)
    late = [run.id for run in study.planned_runs if run.seed == 2]
    slow = next(run.id for run in study.planned_runs if run.seed == 1)
    tally, _, _ = drive(study, stop_at=2, failing=late, slow=[slow], slots=2)
    assert (tally.decided_after, tally.failed, tally.open) == (2, {}, 0)


def test_a_decided_study_that_starts_again_carries_out_nothing(drive, small_study):
    study = small_study(seeds=RANGE)
    first, _, _ = drive(study, stop_at=3)
    tally, executor, looks = drive(study, stop_at=3)
    assert executor.submitted == []
    assert looks == [2, 3]
    assert (tally.decided_after, tally.settled) == (3, first.settled)


@pytest.mark.parametrize("stop_after", [3, 9, 13])
def test_a_study_that_was_interrupted_takes_the_same_looks(drive, small_study, stop_after):
    study = small_study(seeds=RANGE)
    with pytest.raises(KeyboardInterrupt):
        drive(study, stop_at=4, stop_after=stop_after)
    tally, _, looks = drive(study, stop_at=4)
    assert looks == [2, 3, 4]
    assert tally.decided_after == 4


def test_without_a_decision_the_last_seed_ends_the_study(drive, small_study):
    tally, _, _ = drive(small_study(seeds=RANGE))
    assert (tally.settled, tally.open, tally.not_needed, tally.decided_after) == (20, 0, 0, None)


def test_a_study_without_looks_is_never_asked_for_a_decision(drive, small_study):
    assert drive(small_study(seeds=3), stop_at=2)[2] == []
