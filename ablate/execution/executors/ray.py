"""Carries out runs on a Ray cluster, each as one task.

A node works in a temporary folder of its own. What it learns on the way, and at last every file, comes back
through Ray's object store, and is put into the run's folder here: no file system need be shared.
"""

import logging
import math
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any, final

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read while ray is imported: nothing is told to anyone

import ray
import torch
from ray.exceptions import OutOfMemoryError, RayError, RayTaskError

from ablate.core.errors import AblateError
from ablate.execution.executors.attempt import Work, attempt
from ablate.execution.executors.executor import Event, Executor, Failed, Finished, Progressed, Task
from ablate.execution.train_and_score import carry_out
from ablate.storage.atomic import whole_file
from ablate.storage.failed_attempts import FailureKind
from ablate.storage.paths import RunPaths
from ablate.study import PlannedRun, Resources

ADDRESS = "RAY_ADDRESS"
NEWS_SECONDS = 1.0
ANSWER_SECONDS = 5.0
NODES_SECONDS = 5.0
"""So long the number of slots is taken as it was: nodes come and go."""


@dataclass(frozen=True)
class News:
    """What a node tells at a time: events, and files by name."""

    events: Sequence[Event]
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class Running:
    """A task under way, and what its node tells of it."""

    task: Task
    news: Any


@final
class RayExecutor(Executor):
    """As many runs at once as the cluster's nodes hold, by their `resources`.

    The cluster is that of RAY_ADDRESS, or one that starts and ends with this executor, on this machine alone. Ray
    itself repeats nothing: a lost node fails its runs, and the driver decides and counts. A run that is begun
    again goes on, on whatever node, from the training state that came back last. Raises AblateError where the
    cluster cannot be reached or no node holds a run.
    """

    def __init__(self, resources: Resources, workers: int | None = None, work: Work = carry_out) -> None:
        cluster = _connected()
        self._most, self._work = workers, work
        self._running: dict[str, Running] = {}
        gpus = resources.num_gpus
        if gpus is None:
            gpus = 1.0 if cluster.get("GPU") else 0.0
        self._needed = {"CPU": resources.num_cpus, "GPU": gpus}
        self._threads = max(1, int(resources.num_cpus))
        self._counted, self._slots = time.monotonic(), self._counted_slots()
        if not self._slots:
            ray.shutdown()
            raise AblateError(
                f"no node of the Ray cluster has {resources.num_cpus:g} CPUs and {gpus:g} GPUs free for runs; lower "
                "'resources' in the study, or add a node"
            )

    @property
    def slots(self) -> int:
        """See Executor. With no node left, one run waits for the next."""
        if time.monotonic() - self._counted > NODES_SECONDS:
            self._counted, self._slots = time.monotonic(), max(1, self._counted_slots())
        return min(self._slots, self._most or self._slots)

    def submit(self, task: Task) -> None:
        """See Executor."""
        state = RunPaths(task.folder).training_state
        RunPaths(task.folder).log.unlink(missing_ok=True)
        news = _on_a_node.options(num_cpus=self._needed["CPU"], num_gpus=self._needed["GPU"]).remote(
            task.planned_run, state.read_bytes() if state.exists() else None, self._threads, self._work
        )
        self._running[task.planned_run.id] = Running(task, news)

    def events(self, timeout: float) -> Sequence[Event]:
        """See Executor."""
        by_news = {running.news: id_ for id_, running in self._running.items()}
        ready, _ = ray.wait(list(by_news), num_returns=1, timeout=timeout)
        return [event for news in ready for event in self._read(by_news[news])]

    def cancel(self, run_id: str) -> None:
        """See Executor."""
        ray.cancel(self._running.pop(run_id).news, force=True)

    def close(self) -> None:
        """See Executor."""
        for id_ in list(self._running):
            self.cancel(id_)
        ray.shutdown()

    def _counted_slots(self) -> int:
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
        return sum(
            min(int(node.get(name, 0.0) / needed + 1e-9) for name, needed in self._needed.items() if needed)
            for node in nodes
        )

    def _read(self, id_: str) -> list[Event]:
        running = self._running[id_]
        try:
            news: News = ray.get(next(running.news))
        except RayError as error:
            del self._running[id_]
            return [Failed(id_, *_cause(error))]
        _put(news.files, RunPaths(running.task.folder))
        if any(isinstance(event, Finished | Failed) for event in news.events):
            del self._running[id_]
        return list(news.events)


def _connected() -> Mapping[str, float]:
    """Return what the cluster's nodes have together."""
    address = os.environ.get(ADDRESS)
    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address:
        settings |= {"address": address}
    else:  # a cluster of one's own must not listen beyond this machine
        settings |= {"address": "local", "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    try:
        if address and address != "auto":
            _refuse_silence(address)
        ray.init(**settings)
        resources: Mapping[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    except (OSError, RuntimeError, ValueError, RayError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise AblateError(
            f"the Ray cluster at {address or 'this machine'} cannot be used ({reason}); {ADDRESS} is HOST:PORT of its "
            "head, and the machine that runs ablate a node of it"
        ) from error
    return resources


def _refuse_silence(address: str) -> None:
    """Raise OSError or ValueError where nobody answers: Ray itself would ask for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise ValueError(f"found {address!r}")
    socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()


@ray.remote(max_retries=0, num_returns="streaming")
def _on_a_node(planned_run: PlannedRun, state: bytes | None, threads: int, work: Work) -> Iterator[News]:
    """Carry out a run here, and yield the news of it."""
    torch.set_num_threads(threads)
    with TemporaryDirectory(prefix="ablate-") as folder, ThreadPoolExecutor(1) as thread:
        paths, told = RunPaths(Path(folder) / planned_run.id), SimpleQueue[Event]()
        paths.folder.mkdir()
        if state is not None:
            paths.training_state.write_bytes(state)
        kept = _written_at(paths.training_state)
        ended = thread.submit(attempt, Task(planned_run, paths.folder), work, told.put)
        while not wait([ended], NEWS_SECONDS).done:
            files = [paths.training_state] if _written_at(paths.training_state) > kept else []
            kept = _written_at(paths.training_state)
            yield News(_worth_telling(told), _contents(files))
        yield News([*_worth_telling(told), ended.result()], _contents(sorted(paths.folder.glob("[!.]*"))))


def _worth_telling(told: SimpleQueue[Event]) -> list[Event]:
    """Return the points of the loss curve, and the last step whatever it was."""
    events = [told.get() for _ in range(told.qsize())]
    return [
        event
        for number, event in enumerate(events, start=1)
        if number == len(events) or not isinstance(event, Progressed) or not math.isnan(event.held_out_loss)
    ]


def _written_at(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _contents(files: Sequence[Path]) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in files}


def _put(files: Mapping[str, bytes], paths: RunPaths) -> None:
    """Write what came back; the record last, since a folder with it holds a whole run."""
    paths.folder.mkdir(parents=True, exist_ok=True)
    last = paths.record.name
    for name in sorted(files, key=lambda name: name == last):
        with whole_file(paths.folder / Path(name).name) as path:
            path.write_bytes(files[name])
    if last in files:
        paths.training_state.unlink(missing_ok=True)


def _cause(error: RayError) -> tuple[FailureKind, str]:
    reason = str(error).strip().partition("\n")[0]
    if isinstance(error, OutOfMemoryError):
        return "out_of_memory", f"the node's memory ran out: {reason}"
    if isinstance(error, RayTaskError):  # such as a node on which ablate is not installed
        return "exception", f"the node could not begin the run: {str(error).strip().splitlines()[-1]}"
    return "lost_worker", f"the node or its worker was lost: {type(error).__name__}"
