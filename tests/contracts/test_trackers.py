"""Every tracker keeps the promises of Tracker; an adapter for each says what it shows afterwards."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import pytest
from mlflow import MlflowClient

from ablate.execution.tracking.mlflow import MLflowTracker
from ablate.execution.tracking.tracker import MemoryTracker
from ablate.storage.paths import Store
from ablate.storage.records import RunRecord


@dataclass
class Shown:
    status: str
    outcome: str | None
    planned_run: str
    trial: int
    loss: list[tuple[int, float]]
    ghost_ratio: float | None


class Adapter(ABC):
    """A tracker, how a later driver gets one on the same study, and what it shows."""

    @abstractmethod
    def tracker(self): ...

    @abstractmethod
    def shown(self, run_id): ...

    @abstractmethod
    def study(self): ...


class Memory(Adapter):
    def __init__(self, store):  # noqa: ARG002  # it keeps nothing on disk
        self.kept = MemoryTracker()

    def tracker(self):
        return self.kept

    def shown(self, run_id):
        run = self.kept.runs[run_id]
        loss = [(step, loss) for step, loss, _ in run.curve]
        return Shown(run.status, run.outcome, run.planned_run.id, run.trial, loss, run.means.get("rollout/ghost_ratio"))

    def study(self):
        return self.kept.status, self.kept.summary


class MLflow(Adapter):
    def __init__(self, store):
        self.store, self.client = store, MlflowClient(f"sqlite:///{store.mlflow_database}")

    def tracker(self):
        return MLflowTracker(self.store)

    def shown(self, run_id):
        run = self.client.get_run(run_id)
        loss = [(metric.step, metric.value) for metric in self.client.get_metric_history(run_id, "curves/loss")]
        tags = run.data.tags
        ghost_ratio = run.data.metrics.get("rollout/ghost_ratio")
        return Shown(
            run.info.status,
            tags.get("ablate.outcome"),
            tags["ablate.run"],
            int(tags["ablate.trial"]),
            loss,
            ghost_ratio,
        )

    def study(self):
        experiments = [experiment.experiment_id for experiment in self.client.search_experiments()]
        (parent,) = self.client.search_runs(experiments, "tags.`ablate.role` = 'study'")
        return parent.info.status, parent.data.tags["mlflow.note.content"]


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory):
    """Make MLflow's database once: its migrations take seconds."""
    store = Store(tmp_path_factory.mktemp("empty"))
    MlflowClient(f"sqlite:///{store.mlflow_database}")
    return store.mlflow_database


@pytest.fixture(params=[Memory, MLflow], ids=lambda adapter: adapter.__name__)
def adapter(request, store, empty_database):
    store.root.mkdir()
    store.mlflow_database.write_bytes(empty_database.read_bytes())
    return request.param(store)


@pytest.fixture
def begun(adapter, small_study, store):
    """Return a tracker with a study opened and one run started, the run's id, and its point and paths."""
    study = small_study()
    tracker, planned_run = adapter.tracker(), study.planned_runs[2]
    tracker.open(study)
    paths = store.study(study.name).run(planned_run.id)
    return tracker, tracker.start(planned_run, 7), planned_run, paths


def test_a_started_run_is_running_and_says_what_it_is(adapter, begun):
    _, run_id, planned_run, _ = begun
    assert adapter.shown(run_id) == Shown("RUNNING", None, planned_run.id, 7, [], None)


def test_runs_have_ids_of_their_own(begun, small_study):
    tracker, first, _, _ = begun
    assert tracker.start(small_study().planned_runs[0], 8) != first


def test_a_run_that_has_ended_shows_all_of_its_curve(adapter, begun, made_record):
    tracker, run_id, planned_run, _ = begun
    curve = made_record(planned_run).curve
    tracker.curve(run_id, curve[:1])
    tracker.curve(run_id, curve[1:])
    tracker.interrupt(run_id)
    assert adapter.shown(run_id).loss == [(2, 0.5), (4, 0.4)]


def test_a_curve_that_is_told_again_from_its_beginning_shows_once(adapter, begun, made_record):
    tracker, run_id, planned_run, _ = begun
    curve = made_record(planned_run).curve
    tracker.curve(run_id, curve[:1])
    tracker.curve(run_id, curve)
    tracker.interrupt(run_id)
    assert adapter.shown(run_id).loss == [(2, 0.5), (4, 0.4)]


def test_a_result_that_another_replaces_is_superseded(adapter, begun, made_record):
    tracker, run_id, planned_run, paths = begun
    record = made_record(planned_run)
    record.save(paths)
    tracker.finish(run_id, record, paths)
    tracker.supersede([run_id])
    shown = adapter.shown(run_id)
    assert (shown.status, shown.outcome) == ("KILLED", "superseded")


def test_a_finished_run_is_an_entry_with_its_response_and_the_digest_of_its_record(begun, made_record, small_study):
    tracker, run_id, planned_run, paths = begun
    made_record(planned_run, 0.3).save(paths)
    record = RunRecord.load(paths)
    tracker.start(small_study().planned_runs[0], 8)
    tracker.finish(run_id, record, paths)
    (entry,) = tracker.entries()
    assert (entry.id, entry.run, entry.digest) == (run_id, planned_run.id, record.digest)
    assert entry.response == pytest.approx(0.3)
    assert entry.definition == "rollout/ghost_ratio, steps 1 to 3, measurable from 0.5, ghost definition 2"


def test_a_superseded_run_is_no_entry(begun, made_record):
    tracker, run_id, planned_run, paths = begun
    made_record(planned_run).save(paths)
    tracker.finish(run_id, RunRecord.load(paths), paths)
    tracker.supersede([run_id])
    assert tracker.entries() == []


def test_a_finished_run_shows_its_means(adapter, begun, made_record):
    tracker, run_id, planned_run, paths = begun
    record = made_record(planned_run, 0.3)
    record.save(paths)
    tracker.finish(run_id, record, paths)
    shown = adapter.shown(run_id)
    assert (shown.status, shown.outcome) == ("FINISHED", "finished")
    assert shown.ghost_ratio == pytest.approx(0.3)


def test_a_diverged_run_is_finished_with_that_outcome(adapter, begun, made_record):
    tracker, run_id, planned_run, paths = begun
    record = made_record(planned_run, outcome="diverged")
    record.save(paths)
    tracker.finish(run_id, record, paths)
    shown = adapter.shown(run_id)
    assert (shown.status, shown.outcome, shown.ghost_ratio) == ("FINISHED", "diverged", None)


def test_an_unmeasurable_run_is_finished_with_that_outcome_and_without_a_mean(adapter, begun, made_record):
    tracker, run_id, planned_run, paths = begun
    record = made_record(planned_run, 0.001, defined=[2])
    record.save(paths)
    tracker.finish(run_id, record, paths)
    shown = adapter.shown(run_id)
    assert (shown.status, shown.outcome, shown.ghost_ratio) == ("FINISHED", "unmeasurable", None)


def test_a_failed_run_is_failed(adapter, begun):
    tracker, run_id, _, paths = begun
    tracker.fail(run_id, "ValueError: planned", paths)
    assert (adapter.shown(run_id).status, adapter.shown(run_id).outcome) == ("FAILED", "failed")


def test_a_stopped_run_is_killed(adapter, begun):
    tracker, run_id, _, _ = begun
    tracker.interrupt(run_id)
    assert (adapter.shown(run_id).status, adapter.shown(run_id).outcome) == ("KILLED", "interrupted")


def test_a_later_driver_ends_the_runs_of_a_dead_one(adapter, begun, small_study):
    _, run_id, _, _ = begun
    adapter.tracker().open(small_study())
    assert (adapter.shown(run_id).status, adapter.shown(run_id).outcome) == ("KILLED", "abandoned")


@pytest.mark.parametrize(("complete", "status"), [(True, "FINISHED"), (False, "KILLED")])
def test_a_closed_study_shows_its_summary(adapter, begun, store, complete, status):
    tracker, *_ = begun
    tracker.close(store.study("small"), "kernels make it", complete=complete)
    assert adapter.study() == (status, "kernels make it")


def test_a_closed_study_opens_again_as_the_same_one(adapter, begun, store, small_study):
    tracker, *_ = begun
    tracker.close(store.study("small"), "half of it", complete=False)
    adapter.tracker().open(small_study())
    assert adapter.study()[0] == "RUNNING"
