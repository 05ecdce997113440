import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from ablate.execution.executors.executor import Event, Failed, Finished, Progressed, Task
from ablate.execution.executors.local import LocalExecutor
from ablate.storage.paths import RunPaths
from ablate.storage.records import RunRecord
from ablate.study import study_file


@pytest.fixture
def executor():
    executor = LocalExecutor(workers=1)
    yield executor
    executor.close()


def until_end(executor):
    seen: list[Event] = []
    while not any(isinstance(event, Finished | Failed) for event in seen):
        seen += executor.events(0.5)
    return seen


def test_a_worker_leaves_a_whole_record(executor, tmp_path, small_study):
    planned_run = small_study().planned_runs[0]
    executor.submit(Task(planned_run, tmp_path))
    assert until_end(executor)[-1] == Finished(planned_run.id)
    record = RunRecord.load(RunPaths(tmp_path))
    assert record.outcome == "finished"
    assert {"ghost_ratio", "mse", "ssim"} <= set(record.scores["metric"])


def test_a_worker_tells_the_points_of_the_loss_curve(executor, tmp_path, small_study):
    planned_run = small_study().planned_runs[0]
    executor.submit(Task(planned_run, tmp_path))
    steps = [event.step for event in until_end(executor) if isinstance(event, Progressed) and event.held_out_loss > 0]
    assert steps == [2, 4]


def test_a_run_that_raises_is_told_with_its_reason_and_leaves_a_log(executor, tmp_path, small_study):
    missing = {"kind": "moving_mnist_file", "path": str(tmp_path / "nowhere.npy")}
    base = small_study().base.model_dump(exclude={"seed"}) | {"data": missing}
    planned_run = small_study(base=base).planned_runs[0]
    executor.submit(Task(planned_run, tmp_path / "run"))
    event = until_end(executor)[-1]
    assert isinstance(event, Failed)
    assert event.kind == "data"
    assert "nowhere.npy" in event.message
    assert "Traceback" in RunPaths(tmp_path / "run").log.read_text()


def test_a_killed_worker_is_told_and_replaced(executor, tmp_path, small_study):
    long = small_study().base.model_dump(exclude={"seed"})
    long["training"] |= {"steps": 100_000}
    planned_run = small_study(base=long).planned_runs[0]
    executor.submit(Task(planned_run, tmp_path / "killed"))
    while not executor.events(0.5):
        pass
    os.kill(executor._workers[0].process.pid, signal.SIGKILL)
    event = until_end(executor)[-1]
    assert isinstance(event, Failed)
    assert event.kind == "lost_worker"
    other = small_study().planned_runs[1]
    executor.submit(Task(other, tmp_path / "next"))
    assert until_end(executor)[-1] == Finished(other.id)


def test_close_leaves_no_process(executor, tmp_path, small_study):
    executor.submit(Task(small_study().planned_runs[0], tmp_path))
    pid = executor._workers[0].process.pid
    executor.close()
    time.sleep(0.1)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.fixture
def long_task(tmp_path, small_study):
    long = small_study().base.model_dump(exclude={"seed"})
    long["training"] |= {"steps": 100_000}
    return Task(small_study(base=long).planned_runs[0], tmp_path / "long")


def begin(executor, task):
    """Return the process that carries the task out, once it trains."""
    executor.submit(task)
    while not executor.events(0.5):
        pass
    return executor._workers[0].process


def test_a_worker_that_is_told_to_go_was_preempted(executor, long_task):
    os.kill(begin(executor, long_task).pid, signal.SIGTERM)
    event = until_end(executor)[-1]
    assert isinstance(event, Failed)
    assert event.kind == "preempted"


def test_a_canceled_task_is_gone_and_its_slot_free(executor, long_task, tmp_path, small_study):
    process = begin(executor, long_task)
    executor.cancel(long_task.planned_run.id)
    assert not process.is_alive()
    other = small_study().planned_runs[1]
    executor.submit(Task(other, tmp_path / "next"))
    assert until_end(executor)[-1] == Finished(other.id)


def take_a_petabyte(planned_run, paths, observe):  # noqa: ARG001  # the contract
    torch.empty(10**15, dtype=torch.uint8)


def test_memory_that_is_used_up_is_told_apart(tmp_path, small_study):
    executor, planned_run = LocalExecutor(1, take_a_petabyte), small_study().planned_runs[0]
    executor.submit(Task(planned_run, tmp_path / "run"))
    event = until_end(executor)[-1]
    executor.close()
    assert isinstance(event, Failed)
    assert event.kind == "out_of_memory"


LEAVES_SEMAPHORES = """
import multiprocessing, sys, time
from pathlib import Path
from tqdm import tqdm
from ablate.execution.executors.executor import Finished, Progressed, Task
from ablate.execution.executors.local import LocalExecutor
from ablate.study import study_file

HELD = []

def hold_a_semaphore(planned_run, paths, observe):
    HELD.append(multiprocessing.get_context("spawn").Lock())

def show_a_bar_without_end(planned_run, paths, observe):
    tqdm(total=1, disable=True)  # as torch.compile does
    observe(1, 0.5, 0.5)
    time.sleep(3600)

if __name__ == "__main__":
    work = {work.__name__: work for work in (hold_a_semaphore, show_a_bar_without_end)}[sys.argv[1]]
    executor = LocalExecutor(1, work)
    executor.submit(Task(study_file.load(Path("study.yaml")).planned_runs[0], Path("run")))
    while not any(isinstance(event, Finished | Progressed) for event in executor.events(0.5)):
        pass
    executor.close()
"""


@pytest.mark.parametrize("work", ["hold_a_semaphore", "show_a_bar_without_end"])
def test_a_closed_executor_leaves_no_semaphore_of_its_workers(tmp_path, small_study, work):
    (tmp_path / "study.yaml").write_text(study_file.dump(small_study()))
    (tmp_path / "leaves.py").write_text(LEAVES_SEMAPHORES)
    command, path = [sys.executable, "leaves.py", work], os.pathsep.join(sys.path)
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
