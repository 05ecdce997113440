"""What the driver asks of an executor."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ablate.storage.failed_attempts import FailureKind
from ablate.study import PlannedRun


@dataclass(frozen=True)
class Task:
    """One run to carry out, and the folder its record goes to."""

    planned_run: PlannedRun
    folder: Path


@dataclass(frozen=True)
class Started:
    """A task has found its place and begins; on a cluster it may have waited for one."""

    run_id: str


@dataclass(frozen=True)
class Progressed:
    """A running task reached an optimization step. `held_out_loss` is NaN between two points of the loss curve."""

    run_id: str
    step: int
    loss: float
    held_out_loss: float


@dataclass(frozen=True)
class Finished:
    """A task's record is whole on disk."""

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
        """How many tasks it runs at once."""

    @abstractmethod
    def submit(self, task: Task) -> None:
        """Start a task; never called with more than `slots` tasks unfinished."""

    @abstractmethod
    def events(self, timeout: float) -> Sequence[Event]:
        """Wait up to `timeout` seconds for news, and return what there is, oldest first."""

    @abstractmethod
    def cancel(self, run_id: str) -> None:
        """Stop a running task at once; no more is told of it."""

    @abstractmethod
    def close(self) -> None:
        """Stop at once; unfinished tasks are abandoned."""
