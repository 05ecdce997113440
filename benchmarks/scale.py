"""Overhead of a run as a study grows: `python -m benchmarks.scale [--runs N] [--postgres URL URL]`.

Training is a stub that immediately writes a record of realistic size (24 clips, 12 steps, every metric, two views),
without pictures. Driver, Optuna, MLflow and report are the real ones, on SQLite files or on two empty PostgreSQL
databases (for Optuna and for MLflow). Prints milliseconds per run around run 10, 100, 1,000 and so on, the memory of
the driver's process at that time, and duration and memory of the report.
"""

import argparse
import shutil
import time
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Self

import numpy as np
import pandas as pd
from rich.console import Console

from ablate.commands import report as reports
from ablate.execution.driver import Driver
from ablate.execution.executors.executor import Event, Executor, Finished, Task
from ablate.execution.progress import Display, StudyProgress
from ablate.execution.tracking.mlflow import MLflowTracker
from ablate.measurement.metrics import METRICS
from ablate.storage.paths import RunPaths, Store
from ablate.storage.records import CURVE_COLUMNS, SCORE_COLUMNS, Example, RecordHead, RunRecord
from ablate.study import StudySpec, study_file

CELLS, KINDS = 10, 50
CLIPS, STEPS, VIEWS = 24, 12, ("one_step", "rollout")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000, help="runs, a multiple of 10 (10000)")
    parser.add_argument("--postgres", nargs=2, metavar=("OPTUNA", "MLFLOW"), default=(None, None))
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        store = Store(Path(folder), *arguments.postgres)
        study, pace = _study(arguments.runs // CELLS), Pace()
        paths, tracker, began = store.study(study.name), MLflowTracker(store), time.perf_counter()
        Driver(study, store, tracker, Stub(Path(folder) / "made"), pace).run()
        tracker.close(paths, "", complete=True)
        total = time.perf_counter() - began
        file = Path(folder) / "study.yaml"
        file.write_text(study_file.dump(study))
        began = time.perf_counter()
        reports.report(file, (), store.root, Console(quiet=True))
        report = time.perf_counter() - began
    for line in [
        *pace.lines(),
        f"{arguments.runs} runs: {total:.0f} s; report: {report:.0f} s, {_megabytes():.0f} MB",
    ]:
        Console().print(line, highlight=False)


class Stub(Executor):
    """Writes the record of a run immediately: a copy of one of KINDS records, with the identity of the run."""

    def __init__(self, folder: Path) -> None:
        self._done: list[Event] = []
        self._made = [RunPaths(folder / str(kind)) for kind in range(KINDS)]
        for kind, paths in enumerate(self._made):
            _record(kind).save(paths)

    @property
    def slots(self) -> int:
        """See Executor."""
        return 2

    def submit(self, task: Task) -> None:
        """See Executor."""
        made = self._made[zlib.crc32(task.planned_run.id.encode()) % KINDS]
        shutil.copytree(made.folder, task.folder, dirs_exist_ok=True)
        files = RunPaths(task.folder)
        replace(RecordHead.load(files), run=task.planned_run.spec.non_defaults()).save(files)
        self._done.append(Finished(task.planned_run.id))

    def events(self, timeout: float) -> Sequence[Event]:  # noqa: ARG002  # nothing to wait for
        """See Executor."""
        done, self._done = self._done, []
        return done

    def cancel(self, run_id: str) -> None:
        """See Executor."""

    def close(self) -> None:
        """See Executor."""


class Pace(Display):
    """Records the end time of each run, and the memory of this process at that time."""

    def __init__(self) -> None:
        self._ended = [time.perf_counter()]
        self._memory = [_megabytes()]

    def update(self, standing: StudyProgress) -> None:
        """See Display."""

    def say(self, line: str) -> None:  # noqa: ARG002  # the text does not matter
        """See Display."""
        self._ended.append(time.perf_counter())
        self._memory.append(_megabytes())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def lines(self) -> list[str]:
        """Return the mean time of a run at each power of ten, over the last tenth of the runs so far."""
        milestones = [10**power for power in range(1, 9) if 10**power < len(self._ended)]
        lasting = 1000 * np.diff(self._ended)
        return [
            f"run {run:6d}: {mean(lasting[run - max(run // 10, 5) : run]):6.0f} ms per run, {self._memory[run]:.0f} MB"
            for run in milestones
        ]


def _megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def _study(seeds: int) -> StudySpec:
    return StudySpec.model_validate(
        {
            "name": "scale",
            "question": "What does a run cost in addition to its training?",
            "factors": {"model.kernel_size": [1, 3, 5, 7, 9], "model.activation": ["tanh", "relu"]},
            "seeds": list(range(seeds)),
            "probes": "none",
        }
    )


def _record(kind: int) -> RunRecord:
    chance = np.random.default_rng(kind)
    rows = [
        (view, clip, step, metric, value)
        for view in VIEWS
        for metric in METRICS
        for clip in range(CLIPS)
        for step, value in enumerate(chance.normal(0.3, 0.1, STEPS), start=1)
    ]
    frames = np.zeros((1, 3, 16, 16), np.uint8)
    return RunRecord(
        run={},
        outcome="finished",
        scores=pd.DataFrame(rows, columns=SCORE_COLUMNS),
        curve=pd.DataFrame([(1, 0.5, 0.6)], columns=CURVE_COLUMNS),
        examples={view: Example(frames, frames, frames, np.arange(1)) for view in VIEWS},
        facts={"seconds": 0.0},
    )


if __name__ == "__main__":
    main()
