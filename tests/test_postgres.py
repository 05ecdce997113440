"""Optuna's and MLflow's databases on a PostgreSQL server, which may be restarted while a study runs."""

import multiprocessing

import optuna
import pytest
from mlflow import MlflowClient
from rich.console import Console

from ablate.core.errors import AblateError
from ablate.execution.driver import Driver
from ablate.execution.executors.executor import Executor, Finished
from ablate.execution.ledger.ledger import Ledger
from ablate.execution.lock import held_on_server
from ablate.execution.progress import PlainDisplay
from ablate.execution.tracking.mlflow import MLflowTracker
from ablate.storage.paths import RunPaths, Store, without_password
from tests.postgres import PostgreSQL, postgres

pytestmark = pytest.mark.skipif(PostgreSQL.tools() is None, reason="needs pg_ctl (apt install postgresql)")


@pytest.fixture(scope="module")
def server():
    with postgres() as server:
        yield server


@pytest.fixture
def store(server, tmp_path):
    return Store(tmp_path / "mlruns", server.database(), server.database())


class Interfering(Executor):
    """Finishes each task at once, and calls somebody after every so many."""

    slots = 2

    def __init__(self, made_record, interfere, every=3):
        self.made_record, self.interfere, self.every = made_record, interfere, every
        self.waiting, self.done = [], 0

    def submit(self, task):
        self.waiting.append(task)

    def events(self, timeout):  # noqa: ARG002  # the contract's
        task = self.waiting.pop(0)
        self.made_record(task.planned_run).save(RunPaths(task.folder))
        self.done += 1
        if self.done % self.every == 0:
            self.interfere()
        return [Finished(task.planned_run.id)]

    def cancel(self, planned_run):
        raise AssertionError(planned_run)

    def close(self):
        self.waiting.clear()


def drive(study, store, made_record, interfere=lambda: None):
    tracker = MLflowTracker(store)
    tally = Driver(study, store, tracker, Interfering(made_record, interfere), PlainDisplay(Console(quiet=True))).run()
    tracker.close(store.study(study.name), "", complete=not tally.open)
    return tally


def finished_in_mlflow(store, study):
    client = MlflowClient(store.mlflow_url)
    experiment = client.get_experiment_by_name(study.name)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], "tags.`ablate.role` = 'run' and status = 'FINISHED'")
    return sorted(run.data.tags["ablate.run"] for run in runs)


def complete_in_optuna(store, study):
    trials = optuna.load_study(study_name=study.name, storage=store.optuna_url).get_trials()
    return sorted(trial.user_attrs["run"] for trial in trials if trial.state.name == "COMPLETE")


def test_a_study_lives_on_a_server(store, small_study, made_record):
    study = small_study()
    tally = drive(study, store, made_record)
    points = sorted(planned_run.id for planned_run in study.planned_runs)
    assert (tally.settled, tally.open) == (8, 0)
    assert finished_in_mlflow(store, study) == complete_in_optuna(store, study) == points


def test_a_server_that_is_restarted_mid_study_is_outlasted(server, store, small_study, made_record):
    study = small_study()
    tally = drive(study, store, made_record, server.restart)
    points = sorted(planned_run.id for planned_run in study.planned_runs)
    assert (tally.settled, tally.open) == (8, 0)
    assert finished_in_mlflow(store, study) == complete_in_optuna(store, study) == points


def test_a_server_that_stays_away_ends_the_study_and_keeps_its_results(
    server, store, small_study, made_record, monkeypatch
):
    monkeypatch.setattr("ablate.storage.retry.PATIENCE_SECONDS", 1.0)
    study = small_study()
    try:
        with pytest.raises(AblateError, match="give the same command again"):
            drive(study, store, made_record, server.stop)
    finally:
        server.start()
    assert drive(study, store, made_record).settled == 8
    points = sorted(planned_run.id for planned_run in study.planned_runs)
    assert finished_in_mlflow(store, study) == complete_in_optuna(store, study) == points


def hold(url, ready, go):
    with held_on_server(url, "small"):
        ready.set()
        go.wait()


def test_a_second_driver_from_another_machine_is_refused_and_told_who_holds_the_study(server):
    url, spawn = server.database(), multiprocessing.get_context("spawn")
    ready, go = spawn.Event(), spawn.Event()
    other = spawn.Process(target=hold, args=(url, ready, go))
    other.start()
    ready.wait()
    with pytest.raises(AblateError, match=f"process {other.pid} on "), held_on_server(url, "small"):
        pass
    go.set()
    other.join()
    with held_on_server(url, "small"):
        pass


def test_a_restart_of_the_server_does_not_end_who_holds_a_study(server):
    with held_on_server(server.database(), "small"):
        server.restart()


def test_another_study_on_the_same_server_is_not_refused(server):
    url = server.database()
    with held_on_server(url, "small"), held_on_server(url, "other"):
        pass


def test_a_ledger_names_its_database_without_the_password(server, tmp_path, small_study):
    url = server.database().replace("tests@", "tests:secret@")
    ledger = Ledger.open(Store(tmp_path, url), small_study())
    assert "secret" not in ledger.database
    assert ledger.database == without_password(url)
