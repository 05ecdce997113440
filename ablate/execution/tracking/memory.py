"""A tracker that keeps everything in plain values, for tests and for runs that nobody watches."""

from dataclasses import dataclass, field
from typing import final

import pandas as pd

from ablate.execution.tracking.tracker import Tracker
from ablate.storage.paths import RunPaths, StudyPaths
from ablate.storage.records import RunRecord
from ablate.study import PlannedRun, StudySpec


@dataclass
class MemoryRun:
    """One run. `status` is one of MLflow's: RUNNING, FINISHED, FAILED or KILLED."""

    planned_run: PlannedRun
    trial: int
    status: str = "RUNNING"
    outcome: str | None = None
    curve: list[tuple[int, float, float]] = field(default_factory=list)
    means: dict[str, float] = field(default_factory=dict)
    message: str | None = None

    def end(self, status: str, outcome: str) -> None:
        """Write how the run ended."""
        self.status, self.outcome = status, outcome


@final
class MemoryTracker(Tracker):
    """The runs of one study by their id, and the status and summary of the study itself."""

    def __init__(self) -> None:
        self.runs: dict[str, MemoryRun] = {}
        self.status: str | None = None
        self.summary: str | None = None

    def open(self, study: StudySpec) -> None:  # noqa: ARG002  # the contract's
        """Begin; what still runs was left by a driver that is gone."""
        self.status = "RUNNING"
        for run in self.runs.values():
            if run.status == "RUNNING":
                run.end("KILLED", "abandoned")

    def supersede(self, planned_run: PlannedRun, label: str) -> None:  # noqa: ARG002  # the contract
        """End earlier attempts at the run as superseded."""
        for run in self.runs.values():
            if run.planned_run == planned_run and run.status == "FINISHED":
                run.end("KILLED", "superseded")

    def start(self, planned_run: PlannedRun, trial: int) -> str:
        """Begin a run; ids count up."""
        run_id = f"run-{len(self.runs)}"
        self.runs[run_id] = MemoryRun(planned_run, trial)
        return run_id

    def curve(self, run_id: str, rows: pd.DataFrame) -> None:
        """Keep the rows that are new."""
        curve = self.runs[run_id].curve
        known = curve[-1][0] if curve else 0
        curve += rows[rows["step"] > known].itertuples(index=False, name=None)

    def finish(self, run_id: str, record: RunRecord, paths: RunPaths) -> None:  # noqa: ARG002  # the contract's
        """Keep the means of every view."""
        self.runs[run_id].means = record.means
        self.runs[run_id].end("FINISHED", record.outcome)

    def fail(self, run_id: str, message: str, paths: RunPaths) -> None:  # noqa: ARG002  # the contract's
        """Keep the message."""
        self.runs[run_id].message = message
        self.runs[run_id].end("FAILED", "failed")

    def interrupt(self, run_id: str) -> None:
        """End the run."""
        self.runs[run_id].end("KILLED", "interrupted")

    def close(self, paths: StudyPaths, summary: str, *, complete: bool) -> None:  # noqa: ARG002  # the contract's
        """Keep the summary."""
        self.summary, self.status = summary, "FINISHED" if complete else "KILLED"
