"""Worker processes with one thread each, which finish what they are given in any order."""

import os
import signal
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from typing import TypeVar

from ablate.core.errors import AblateError

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
AHEAD = 2  # tasks that wait for each worker, so that none is idle

Task = TypeVar("Task")
Result = TypeVar("Result")


def results_of(work: Callable[[Task], Result], tasks: Iterable[Task], workers: int) -> Generator[tuple[Task, Result]]:
    """Yield every task with its result as they finish. Closing the generator cancels the tasks that have not started.

    `work` and the tasks are sent to other processes. Raises AblateError if a worker process dies.
    """
    waiting = iter(tasks)
    with _single_threaded(), ProcessPoolExecutor(workers, get_context("spawn"), _ignore_interrupts) as pool:
        running: dict[Future[Result], Task] = {}
        try:
            while True:
                for task in islice(waiting, AHEAD * workers - len(running)):
                    running[pool.submit(work, task)] = task
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()
        except BrokenProcessPool as error:
            raise AblateError("a worker process died, perhaps because memory ran out; try fewer --workers") from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Let processes that start within the block compute with one thread each, since the workers use all cores."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
