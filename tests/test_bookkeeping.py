"""Both books of a study are held against the records at each start and each end, and only there."""

import ast
import shutil
from collections import Counter
from pathlib import Path

import optuna
import pytest
from mlflow import MlflowClient
from rich.console import Console

from ablate.commands import run as run_command
from ablate.core.errors import DataError
from ablate.execution.driver import Driver
from ablate.execution.executors.executor import Executor, Finished, Task
from ablate.execution.progress import PlainDisplay
from ablate.execution.tracking.mlflow import MLflowTracker
from ablate.storage.paths import RunPaths, Store
from ablate.study.study_file import dump

BOOKS = ("mlflow.db", "optuna.db")
ENDING = {"finish", "fail", "interrupt", "settle", "release", "supersede", "correct"}


class RecordMaker(Executor):
    """Leaves a record at once; each next one has a higher response."""

    def __init__(self, made_record):
        self.made_record, self.tasks, self.number = made_record, [], 0

    @property
    def slots(self):
        return 1

    def submit(self, task: Task):
        self.tasks.append(task)

    def events(self, timeout):  # noqa: ARG002  # the contract
        task = self.tasks.pop(0)
        self.number += 1
        self.made_record(task.planned_run, self.number / 10).save(RunPaths(task.folder))
        return [Finished(task.planned_run.id)]

    def cancel(self, run_id): ...

    def close(self): ...


@pytest.fixture
def start(store, made_record):
    """Return a function that starts a study and closes it, as `ablate run` does; it returns how many runs began."""

    def start(study, place=store):
        executor = RecordMaker(made_record)
        tracker = MLflowTracker(place)
        tally = Driver(study, place, tracker, executor, PlainDisplay(Console(quiet=True))).run()
        tracker.close(place.study(study.name), "done", complete=not tally.open)
        return executor.number

    return start


def in_mlflow(store):
    """Return every run of the study in MLflow by its levels: (activation, kernel, status, response)."""
    client = MlflowClient(f"sqlite:///{store.mlflow_database}")
    experiment = client.get_experiment_by_name("small")
    assert experiment is not None
    runs = [run for run in client.search_runs([experiment.experiment_id]) if "mlflow.parentRunId" in run.data.tags]
    levels = ("factor.model.activation", "factor.model.state_kernel_size")
    return sorted(
        (*(run.data.params[level] for level in levels), run.info.status, run.data.metrics.get("response"))
        for run in runs
    )


def in_optuna(store):
    """Return every trial of the study in Optuna: (run, state, outcome, value)."""
    trials = optuna.load_study(study_name="small", storage=f"sqlite:///{store.optuna_database}").get_trials()
    facts = [(trial.user_attrs, trial) for trial in trials]
    return sorted((said["run"], trial.state.name, said.get("outcome"), trial.value) for said, trial in facts)


@pytest.fixture
def books(store):
    """Return a function that reads both books of the study."""

    def read(place=store):
        return in_mlflow(place), in_optuna(place)

    return read


@pytest.fixture
def study(small_study):
    return small_study(seeds=1)


@pytest.fixture
def files(store, study):
    return [store.study(study.name).run(planned_run.id) for planned_run in study.planned_runs]


@pytest.mark.parametrize("book", BOOKS)
def test_a_book_that_was_moved_away_gets_every_finished_run_back(start, study, store, books, tmp_path, book):
    start(study)
    before = books()
    remaining = Store(tmp_path / "remaining")  # MLflow keeps a deleted database open
    shutil.copytree(store.root, remaining.root, ignore=shutil.ignore_patterns(book))
    assert start(study, remaining) == 0
    assert books(remaining) == before
    in_table = {run.info.run_id for run in MlflowClient(f"sqlite:///{remaining.mlflow_database}").search_runs(["1"])}
    trials = optuna.load_study(study_name="small", storage=f"sqlite:///{remaining.optuna_database}").get_trials()
    assert {trial.user_attrs["mlflow_run"] for trial in trials} < in_table


def test_two_starts_leave_the_books_as_one_does(start, study, books):
    start(study)
    before = books()
    start(study)
    assert books() == before


def test_a_damaged_run_that_was_deleted_and_repeated_counts_once_in_each_book(start, study, files, books):
    start(study)
    shutil.rmtree(files[0].folder)
    assert start(study) == 1
    assert Counter(status for *_, status, _ in books()[0]) == {"FINISHED": 4}
    assert Counter(state for _, state, _, _ in books()[1]) == {"COMPLETE": 4, "FAIL": 1}
    (former,) = [outcome for _, state, outcome, _ in books()[1] if state == "FAIL"]
    assert former == "superseded"


def test_another_response_has_its_value_in_both_books(start, study, small_study, books):
    start(study)
    assert start(small_study(seeds=1, response={"metric": "mse", "view": "one_step"})) == 0
    finished = [response for *_, status, response in books()[0] if status == "FINISHED"]
    assert finished == [40.0] * 4
    assert [value for _, state, _, value in books()[1] if state == "COMPLETE"] == [40.0] * 4


def test_a_finished_run_without_a_record_here_is_left_alone(start, study, small_study, files, books):
    start(study)
    before = books()
    shutil.rmtree(files[0].folder)
    start(small_study(seeds=1, budget={"minutes": 1e-9}))  # no time to repeat it
    assert (books()[0], [trial for trial in books()[1] if trial[1] != "WAITING"]) == before


def test_what_runs_without_an_owner_is_ended(start, study, store, books):
    tracker = MLflowTracker(store)
    tracker.open(study)
    tracker.start(study.planned_runs[0], 0)
    start(study)
    assert Counter(status for *_, status, _ in books()[0]) == {"FINISHED": 4, "KILLED": 1}


def test_a_record_that_was_changed_is_not_told_to_the_books(start, study, files, made_record, books):
    start(study)
    before = books()
    made_record(study.planned_runs[0], 0.99).save(files[0])
    start(study)
    assert books() == before


def test_a_damaged_record_stops_no_other_run(start, study, files, books):
    start(study)
    files[0].scores.write_bytes(b"damaged")
    shutil.rmtree(files[1].folder)
    assert start(study) == 1
    assert Counter(status for *_, status, _ in books()[0]) == {"FINISHED": 4}


@pytest.mark.parametrize("failure", [DataError("damaged"), KeyboardInterrupt()], ids=["error", "stopped"])
def test_a_start_that_fails_after_its_runs_leaves_nothing_running(start, study, store, tmp_path, monkeypatch, failure):
    start(study)
    file = tmp_path / "small.yaml"
    file.write_text(dump(study))

    def fail(*_):
        raise failure

    monkeypatch.setattr(run_command, "analyzed_table", fail)
    with pytest.raises(type(failure)):
        run_command.run(file, [], store.root, run_command.Execution(), Console(quiet=True))
    client = MlflowClient(f"sqlite:///{store.mlflow_database}")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    assert client.search_runs(experiments, "status = 'RUNNING'") == []


def test_nothing_but_the_bookkeeping_ends_an_attempt():
    package = Path(__file__).parents[1] / "ablate"
    callers = {
        str(file.relative_to(package))
        for file in package.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr in ENDING
        and isinstance(node.value, ast.Attribute)
        and node.value.attr in {"_ledger", "_tracker"}
    }
    assert callers == {"execution/bookkeeping.py"}
