"""One try at a task, wherever it is carried out: a record in its folder, or the kind of failure and a log."""

import contextlib
import traceback
from collections.abc import Callable

import torch

from ablate.execution.executors.executor import Event, Failed, Finished, Progressed, Started, Task
from ablate.storage.failed_attempts import FailureKind
from ablate.storage.paths import RunPaths
from ablate.study import PlannedRun
from ablate.training.loss_curve import Observe

Work = Callable[[PlannedRun, RunPaths, Observe], object]
"""Carries out one point, and leaves its record in its folder."""
CPU_MEMORY = "DefaultCPUAllocator: can't allocate memory"


def attempt(task: Task, work: Work, tell: Callable[[Event], None]) -> Finished | Failed:
    """Carry out a task, telling how far it is; return how it ended. Nothing that the work raises gets out."""
    planned_run, paths = task.planned_run, RunPaths(task.folder)
    tell(Started(planned_run.id))
    try:
        work(planned_run, paths, lambda step, loss, held_out: tell(Progressed(planned_run.id, step, loss, held_out)))
    except Exception as error:  # noqa: BLE001  # a failed run becomes a record, and the study goes on
        with contextlib.suppress(OSError):  # the disk may be what failed
            paths.folder.mkdir(parents=True, exist_ok=True)
            paths.log.write_text(traceback.format_exc())
        lines = str(error).strip().splitlines() or [""]
        return Failed(planned_run.id, _kind(error), f"{type(error).__name__}: {lines[0]}")
    return Finished(planned_run.id)


def _kind(error: Exception) -> FailureKind:
    """Tell memory that ran out from all else; on a CPU torch has no class of its own for it."""
    scarce = isinstance(error, MemoryError | torch.OutOfMemoryError) or CPU_MEMORY in str(error)
    return "out_of_memory" if scarce else "exception"
