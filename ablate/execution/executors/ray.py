"""An executor on a Ray cluster, with one Ray task per run.

A node works in a temporary folder. Its events and files come back through Ray's object store and are written into the
run's folder here, so the machines need no shared file system.
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

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read while ray is imported

import ray
import torch
from ray.exceptions import OutOfMemoryError, RayError, RayTaskError

from ablate.core.errors import AblateError
from ablate.execution.executors.executor import Event, Executor, Failed, Finished, Progressed, Task, Work, attempt
from ablate.execution.train_and_score import carry_out
from ablate.storage.atomic import whole_file
from ablate.storage.failed_attempts import FailureKind
from ablate.storage.paths import RunPaths
from ablate.study import PlannedRun, Resources

ADDRESS = "RAY_ADDRESS"
NEWS_SECONDS = 1.0
ANSWER_SECONDS = 5.0
NODES_SECONDS = 5.0  # nodes come and go, so the slots are counted again after this time


@dataclass(frozen=True)
class News:
    """One message of a node: events, and files by name."""

    events: Sequence[Event]
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class RayTask:
    """A running task, and the stream of news from its node."""

    task: Task
    news: Any


@final
class RayExecutor(Executor):
    """As many runs at once as the nodes of the cluster have `resources` for.

    The cluster is the one at RAY_ADDRESS, or one on this machine that starts and ends with this executor. Ray repeats
    no run: a lost node fails its runs, and the driver decides about retries. A retried run continues on any node from
    the last training state that came back. Raises AblateError where the cluster cannot be reached or no node has the
    resources.
    """

    def __init__(self, resources: Resources, workers: int | None = None, work: Work = carry_out) -> None:
        cluster = _connected()
        self._max_slots, self._work = workers, work
        self._running: dict[str, RayTask] = {}
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
        """See Executor. Without any node, one run waits for the next node."""
        if time.monotonic() - self._counted > NODES_SECONDS:
            self._counted, self._slots = time.monotonic(), max(1, self._counted_slots())
        return min(self._slots, self._max_slots or self._slots)

    def submit(self, task: Task) -> None:
        """See Executor."""
        state = RunPaths(task.folder).training_state
        RunPaths(task.folder).log.unlink(missing_ok=True)
        news = _on_a_node.options(num_cpus=self._needed["CPU"], num_gpus=self._needed["GPU"]).remote(
            task.planned_run, state.read_bytes() if state.exists() else None, self._threads, self._work
        )
        self._running[task.planned_run.id] = RayTask(task, news)

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
        _write_files(news.files, RunPaths(running.task.folder))
        if any(isinstance(event, Finished | Failed) for event in news.events):
            del self._running[id_]
        return list(news.events)


def _connected() -> Mapping[str, float]:
    """Connect to the cluster, and return the resources of all its nodes together."""
    address = os.environ.get(ADDRESS)
    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address:
        settings |= {"address": address}
    else:  # a local cluster must not listen beyond this machine
        settings |= {"address": "local", "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    try:
        if address and address != "auto":
            _refuse_silence(address)
        ray.init(**settings)
        resources: Mapping[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    except (OSError, RuntimeError, ValueError, RayError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise AblateError(
            f"the Ray cluster at {address or 'this machine'} cannot be used ({reason}); set {ADDRESS} to HOST:PORT of "
            "its head, and run ablate on a machine that is one of its nodes"
        ) from error
    return resources


def _refuse_silence(address: str) -> None:
    """Raise OSError or ValueError where nothing answers: Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise ValueError(f"found {address!r}")
    socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()


@ray.remote(max_retries=0, num_returns="streaming")
def _on_a_node(planned_run: PlannedRun, state: bytes | None, threads: int, work: Work) -> Iterator[News]:
    """Carry out a run on this node, and yield its news."""
    torch.set_num_threads(threads)
    with TemporaryDirectory(prefix="ablate-") as folder, ThreadPoolExecutor(1) as thread:
        paths, events = RunPaths(Path(folder) / planned_run.id), SimpleQueue[Event]()
        paths.folder.mkdir()
        if state is not None:
            paths.training_state.write_bytes(state)
        sent_at = _written_at(paths.training_state)
        ended = thread.submit(attempt, Task(planned_run, paths.folder), work, events.put)
        while not wait([ended], NEWS_SECONDS).done:
            files = [paths.training_state] if _written_at(paths.training_state) > sent_at else []
            sent_at = _written_at(paths.training_state)
            yield News(_notable(events), _contents(files))
        yield News([*_notable(events), ended.result()], _contents(sorted(paths.folder.glob("[!.]*"))))


def _notable(queue: SimpleQueue[Event]) -> list[Event]:
    """Return the queued events, but of the optimization steps only the points of the loss curve and the last."""
    events = [queue.get() for _ in range(queue.qsize())]
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


def _write_files(files: Mapping[str, bytes], paths: RunPaths) -> None:
    """Write the files that came back, the record last, since it marks the run as complete."""
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
    if isinstance(error, RayTaskError):  # for example where ablate is not installed on the node
        return "exception", f"the node could not start the run: {str(error).strip().splitlines()[-1]}"
    return "lost_worker", f"the node or its worker was lost: {type(error).__name__}"
