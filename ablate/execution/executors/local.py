"""An executor on this machine, with one worker process per core or GPU."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import final

import torch

from ablate.core.errors import AblateError
from ablate.execution.executors.executor import Event, Executor, Failed, Finished, Task, Work, attempt
from ablate.execution.train_and_score import carry_out
from ablate.storage.failed_attempts import FailureKind

GRACE_SECONDS = 5.0
UNGUARDED = 90  # exit code of a worker whose script would start the study again; free on Linux, macOS and Windows
# glibc gives big tensors back to the kernel at once, and page faults then cost half of a step
MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(1 << 40), "MALLOC_TRIM_THRESHOLD_": str(1 << 40)}


@dataclass
class Worker:
    """A process that carries out one task at a time, and the driver's end of its pipe."""

    process: SpawnProcess
    pipe: Connection
    task: Task | None = None


@final
class LocalExecutor(Executor):
    """Worker processes that live as long as the executor; one that dies is replaced.

    Each worker has one thread, since small networks train faster in many workers than in many threads. With GPUs
    each worker sees one of them. A worker ignores Ctrl-C: the driver alone decides which runs are abandoned.
    """

    def __init__(self, workers: int | None = None, work: Work = carry_out) -> None:
        self._work = work
        self._gpus = torch.cuda.device_count()
        self._slots = workers or slots_here()
        self._workers: dict[int, Worker] = {}

    @property
    def slots(self) -> int:
        """See Executor."""
        return self._slots

    def submit(self, task: Task) -> None:
        """See Executor."""
        slot = next(slot for slot in range(self._slots) if slot not in self._workers or not self._workers[slot].task)
        if slot not in self._workers:
            self._workers[slot] = self._start(slot)
        self._workers[slot].task = task
        with contextlib.suppress(BrokenPipeError):  # events() reports a worker that died while idle
            self._workers[slot].pipe.send(task)

    def events(self, timeout: float) -> Sequence[Event]:
        """See Executor."""
        slots = {worker.pipe: slot for slot, worker in self._workers.items()}
        ready = [pipe for pipe in connection.wait(list(slots), timeout) if isinstance(pipe, Connection)]
        return [event for pipe in ready for event in self._read(slots[pipe])]

    def cancel(self, run_id: str) -> None:
        """See Executor."""
        for slot, worker in list(self._workers.items()):
            if worker.task is not None and worker.task.planned_run.id == run_id:
                worker.process.kill()
                worker.process.join()
                worker.pipe.close()
                del self._workers[slot]

    def close(self) -> None:
        """See Executor. An idle worker ends by itself, and frees what it holds; a busy one is stopped."""
        for worker in self._workers.values():
            if worker.task is None:
                worker.pipe.close()
            else:
                worker.process.terminate()
        for worker in self._workers.values():
            worker.process.join(GRACE_SECONDS)
            worker.process.kill()
            worker.process.join()
            worker.pipe.close()
        self._workers.clear()

    def _start(self, slot: int) -> Worker:
        driver_end, worker_end = get_context("spawn").Pipe()
        gpu = slot % self._gpus if self._gpus else None
        process = get_context("spawn").Process(
            target=_work, args=(worker_end, gpu, self._work), name=f"ablate-worker-{slot}"
        )
        for name, value in MALLOC.items():  # read by the C library when the process starts
            os.environ.setdefault(name, value)
        process.start()
        worker_end.close()
        return Worker(process, driver_end)

    def _read(self, slot: int) -> list[Event]:
        worker = self._workers[slot]
        try:
            event: Event = worker.pipe.recv()
        except (EOFError, OSError):  # it died, perhaps while it sent an event
            return self._remove_dead(slot)
        if isinstance(event, Finished | Failed):
            worker.task = None
        return [event]

    def _remove_dead(self, slot: int) -> list[Event]:
        worker = self._workers.pop(slot)
        worker.process.join(GRACE_SECONDS)
        worker.pipe.close()
        if worker.process.exitcode == UNGUARDED:
            raise unguarded_script() from None
        if worker.task is None:
            return []
        return [Failed(worker.task.planned_run.id, *_cause_of_death(worker.process.exitcode))]


def slots_here() -> int:
    """Return the number of runs at a time on this machine: one per GPU, or per core that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return torch.cuda.device_count() or cores or 1


def _cause_of_death(exit_code: int | None) -> tuple[FailureKind, str]:
    if exit_code == -signal.SIGTERM:
        return "preempted", "the worker process was asked to stop (SIGTERM)"
    if exit_code == -signal.SIGKILL:
        return "lost_worker", "the worker process was killed, perhaps because the machine ran out of memory"
    return "lost_worker", f"the worker process died (exit code {exit_code})"


def unguarded_script() -> AblateError:
    """Return the error of a script that starts the study again where a worker imports it."""
    script = getattr(sys.modules["__main__"], "__file__", None) or "the script"
    return AblateError(
        f"{script}: ablate.run is called without a guard; each worker imports the script, and would start the study "
        "again. Move the script's code into a function, here main, and end the script with these two lines:"
        '\n\nif __name__ == "__main__":\n    main()'
    )


def _work(pipe: Connection, gpu: int | None, work: Work) -> None:
    """Carry out tasks until the driver closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_driver, daemon=True).start()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(gpu)
    torch.set_num_threads(1)
    _keep_progress_bars_here()
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            task: Task = pipe.recv()
            pipe.send(attempt(task, work, pipe.send))


def _keep_progress_bars_here() -> None:
    """Give tqdm a lock of this process alone.

    torch.compile creates a progress bar that nobody sees. Its lock for several processes would be a semaphore of the
    system, which a worker that is stopped by a signal leaves behind ("leaked semaphore objects").
    """
    with contextlib.suppress(ImportError):  # torch takes tqdm only if it is installed
        from tqdm import tqdm  # type: ignore[import-untyped]  # noqa: PLC0415  # an optional part of torch

        tqdm.set_lock(threading.RLock())


def _end_with_the_driver() -> None:
    """End this process once the driver has ended: the next driver carries out the run again."""
    driver = parent_process()
    if driver is not None:
        driver.join()
        os._exit(1)
