"""The interface of an executor, the events of its runs, and one attempt at a run."""

import contextlib
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ablate.core.errors import DataError
from ablate.storage.failed_attempts import FailureKind
from ablate.storage.paths import RunPaths
from ablate.study import PlannedRun
from ablate.training.loss_curve import Observe

Work = Callable[[PlannedRun, RunPaths, Observe], object]
"""Carries out one run, and leaves its record in its folder."""
CPU_MEMORY = "DefaultCPUAllocator: can't allocate memory"  # torch has no class for this error


@dataclass(frozen=True)
class Task:
    """One run to carry out, and the folder for its record."""

    planned_run: PlannedRun
    folder: Path


@dataclass(frozen=True)
class Started:
    """A task starts; on a cluster it may have waited for a node before."""

    run_id: str


@dataclass(frozen=True)
class Progressed:
    """A task reached an optimization step. `held_out_loss` is NaN between two points of the loss curve."""

    run_id: str
    step: int
    loss: float
    held_out_loss: float


@dataclass(frozen=True)
class Finished:
    """A task's record is complete on disk."""

    run_id: str


@dataclass(frozen=True)
class Failed:
    """A task ended without a record; `message` is one line, the traceback is in the run's error log."""

    run_id: str
    kind: FailureKind
    message: str


Event = Started | Progressed | Finished | Failed


class Executor(ABC):
    """Carries out tasks, several at a time. Only the driver calls it."""

    @property
    @abstractmethod
    def slots(self) -> int:
        """The number of tasks that run at once."""

    @abstractmethod
    def submit(self, task: Task) -> None:
        """Start a task; never called with more than `slots` tasks unfinished."""

    @abstractmethod
    def events(self, timeout: float) -> Sequence[Event]:
        """Wait up to `timeout` seconds for events, and return them, the oldest first."""

    @abstractmethod
    def cancel(self, run_id: str) -> None:
        """Stop a running task at once; it gives no more events."""

    @abstractmethod
    def close(self) -> None:
        """Stop at once; unfinished tasks are abandoned."""


def attempt(task: Task, work: Work, notify: Callable[[Event], None]) -> Finished | Failed:
    """Carry out a task, notify of its progress, and return how it ended. No exception of the work escapes."""
    planned_run, paths = task.planned_run, RunPaths(task.folder)
    notify(Started(planned_run.id))
    try:
        work(planned_run, paths, lambda step, loss, held_out: notify(Progressed(planned_run.id, step, loss, held_out)))
    except Exception as error:  # noqa: BLE001  # a failed run becomes a record, and the study continues
        with contextlib.suppress(OSError):  # the disk may be what failed
            paths.folder.mkdir(parents=True, exist_ok=True)
            paths.log.write_text(traceback.format_exc())
        lines = str(error).strip().splitlines() or [""]
        return Failed(planned_run.id, _failure_kind(error), f"{type(error).__name__}: {lines[0]}")
    return Finished(planned_run.id)


def _failure_kind(error: Exception) -> FailureKind:
    if isinstance(error, DataError):
        return "data"
    out_of_memory = isinstance(error, MemoryError | torch.OutOfMemoryError) or CPU_MEMORY in str(error)
    return "out_of_memory" if out_of_memory else "exception"
