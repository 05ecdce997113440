"""Runs on a real Ray cluster of two nodes, on this machine."""

import math
import subprocess
import sys
import time

import pytest
import torch
from rich.console import Console

from ablate.core.errors import AblateError
from ablate.execution.driver import Driver
from ablate.execution.executors.executor import Event, Failed, Finished, Progressed, Task
from ablate.execution.progress import PlainDisplay
from ablate.execution.results import study_table
from ablate.execution.tracking.tracker import MemoryTracker
from ablate.execution.train_and_score import carry_out
from ablate.storage.paths import RunPaths, Store
from ablate.storage.records import RunRecord
from ablate.study import Resources, study_file

ray = pytest.importorskip("ray")
from ray.cluster_utils import Cluster  # noqa: E402

from ablate.execution.executors.ray import RayExecutor  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
LONG = 100_000


@pytest.fixture
def cluster(monkeypatch):
    """A cluster whose head runs nothing, and one node of two cores."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    cluster.add_node(num_cpus=2)
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture
def made_executor():
    made = []

    def make(*args):
        made.append(RayExecutor(*args))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


def until_end(executor, count=1):
    seen: list[Event] = []
    deadline = time.monotonic() + 300
    while sum(isinstance(event, Finished | Failed) for event in seen) < count:
        assert time.monotonic() < deadline, seen
        seen += executor.events(0.5)
    return seen


def long_study(small_study):
    base = small_study().base.model_dump(exclude={"seed"})
    base["training"] |= {"steps": LONG}
    return small_study(base=base)


@pytest.mark.usefixtures("cluster")
def test_a_run_returns_from_a_node_whole_and_with_the_numbers_of_a_run_here(made_executor, tmp_path, small_study):
    planned_run, executor = small_study().planned_runs[0], made_executor(Resources())
    executor.submit(Task(planned_run, tmp_path / "ray"))
    seen = until_end(executor)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    carry_out(planned_run, RunPaths(tmp_path / "here"), lambda *_: None)
    torch.set_num_threads(threads)
    there, here = (RunRecord.load(RunPaths(tmp_path / where)) for where in ("ray", "here"))
    assert seen[-1] == Finished(planned_run.id)
    assert [e.step for e in seen if isinstance(e, Progressed) and not math.isnan(e.held_out_loss)] == [2, 4]
    assert there.scores.equals(here.scores)
    assert {file.name for file in (tmp_path / "ray").iterdir()} == {file.name for file in (tmp_path / "here").iterdir()}


@pytest.mark.usefixtures("cluster")
def test_a_run_that_raises_returns_its_reason_and_its_log(made_executor, tmp_path, small_study):
    missing = {"kind": "moving_mnist_file", "path": str(tmp_path / "nowhere.npy")}
    base = small_study().base.model_dump(exclude={"seed"}) | {"data": missing}
    executor, planned_run = made_executor(Resources()), small_study(base=base).planned_runs[0]
    executor.submit(Task(planned_run, tmp_path / "run"))
    event = until_end(executor)[-1]
    assert (event.kind, "nowhere.npy" in event.message) == ("data", True)
    assert "Traceback" in RunPaths(tmp_path / "run").log.read_text()


def test_a_lost_node_fails_its_runs_as_lost_and_another_node_carries_them_out(
    cluster, made_executor, tmp_path, small_study
):
    doomed, (planned_run, *_) = next(iter(cluster.worker_nodes)), long_study(small_study).planned_runs
    executor = made_executor(Resources())
    executor.submit(Task(planned_run, tmp_path / "doomed"))
    while not any(isinstance(event, Progressed) for event in executor.events(0.5)):
        pass
    cluster.remove_node(doomed, allow_graceful=False)
    event = until_end(executor)[-1]
    assert isinstance(event, Failed)
    assert event.kind == "lost_worker"
    cluster.add_node(num_cpus=1)
    other = small_study().planned_runs[0]
    executor.submit(Task(other, tmp_path / "next"))
    assert until_end(executor)[-1] == Finished(other.id)


@pytest.mark.usefixtures("cluster")
def test_a_canceled_run_gives_its_place_to_the_next(made_executor, tmp_path, small_study):
    executor, (first, *_) = made_executor(Resources(num_cpus=2)), long_study(small_study).planned_runs
    executor.submit(Task(first, tmp_path / "first"))
    while not executor.events(0.5):
        pass
    executor.cancel(first.id)
    other = small_study().planned_runs[0]
    executor.submit(Task(other, tmp_path / "next"))
    assert until_end(executor)[-1] == Finished(other.id)


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(("cpus", "slots"), [(1.0, 2), (2.0, 1), (0.5, 4)])
def test_there_are_as_many_slots_as_the_nodes_hold(made_executor, cpus, slots):
    assert made_executor(Resources(num_cpus=cpus)).slots == slots


@pytest.mark.usefixtures("cluster")
def test_resources_that_no_node_has_are_refused_in_words():
    with pytest.raises(AblateError, match="no node of the Ray cluster has 1 CPUs and 8 GPUs"):
        RayExecutor(Resources(num_gpus=8))


@pytest.mark.parametrize("address", ["127.0.0.1:9", "ray://127.0.0.1:9", "nowhere"])
def test_a_cluster_that_is_not_there_is_refused_in_words(monkeypatch, address):
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(AblateError, match=f"the Ray cluster at {address} cannot be used"):
        RayExecutor(Resources())


def test_a_study_outlasts_a_node_that_is_lost_mid_run(cluster, tmp_path, small_study):
    base = small_study().base.model_dump(exclude={"seed"})
    base["training"] |= {"steps": 400}
    study = small_study(base=base, response={"metric": "mse"})
    (tmp_path / "study.yaml").write_text(study_file.dump(study))
    cluster.add_node(num_cpus=1)
    command = [sys.executable, "-c", "from ablate.cli import main; main()", "run", "study.yaml", "--executor", "ray"]
    running = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert running.stdout is not None
    said = [running.stdout.readline()]
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    said += running.communicate(timeout=400)[0].splitlines(keepends=True)
    assert running.returncode == 0, "".join(said)
    assert any("was lost" in line and "tried again" in line for line in said)
    table = study_table(study, Store(tmp_path / "mlruns").study(study.name)).runs
    assert set(table["outcome"]) == {"finished"}


@pytest.mark.usefixtures("cluster")
def test_a_sequential_study_takes_its_looks_and_stops_on_a_cluster_too(made_executor, store, small_study):
    study, looks = small_study(seeds={"from": 2, "to": 5}), []

    def decide(seeds: int) -> bool:
        looks.append(seeds)
        return seeds == 3

    executor, display = made_executor(Resources(), 2), PlainDisplay(Console(quiet=True))
    tally = Driver(study, store, MemoryTracker(), executor, display, decide).run()
    assert (looks, tally.decided_after, tally.open, tally.failed) == ([2, 3], 3, 0, {})
    assert tally.settled + tally.not_needed == len(study.planned_runs)
    complete = study_table(study, store.study("small"), 3).runs
    assert (len(complete), set(complete["outcome"])) == (12, {"finished"})
