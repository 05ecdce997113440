"""An executor for a driver that trains nothing."""

from collections.abc import Sequence
from typing import final

from ablate.execution.executors.executor import Event, Executor, Task


@final
class IdleExecutor(Executor):
    """Takes no task: the driver only enters the records that are on disk."""

    @property
    def slots(self) -> int:
        """See Executor."""
        return 1

    def submit(self, task: Task) -> None:
        """Raise RuntimeError: a run without a record reached it."""
        raise RuntimeError(f"the record of run {task.planned_run.id} disappeared during the merge")

    def events(self, timeout: float) -> Sequence[Event]:  # noqa: ARG002  # the interface
        """Return no events."""
        return ()

    def cancel(self, run_id: str) -> None:
        """Do nothing: no task runs."""

    def close(self) -> None:
        """Do nothing: no task runs."""
