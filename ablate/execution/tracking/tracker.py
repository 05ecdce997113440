"""The interface of an experiment tracker, and a tracker in memory for tests."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import pandas as pd

from ablate.execution.measured_run import measured_run, response_definition
from ablate.execution.reconciling import Entry
from ablate.storage.paths import RunPaths, StudyPaths
from ablate.storage.records import RunRecord
from ablate.study import PlannedRun, StudySpec


class Tracker(ABC):
    """Shows a study while it runs. It decides nothing: results are on disk with or without it."""

    @abstractmethod
    def open(self, study: StudySpec) -> None:
        """Create the study's experiment and parent run, or open those of an earlier start; end its stale runs."""

    @abstractmethod
    def entries(self) -> Sequence[Entry]:
        """Return the finished runs that are shown of the study, in the order in which they were started."""

    @abstractmethod
    def supersede(self, run_ids: Sequence[str]) -> None:
        """Mark finished runs as superseded, since another run shows the result."""

    @abstractmethod
    def start(self, planned_run: PlannedRun, trial: int) -> str:
        """Start a run and return the tracker's id for it."""

    @abstractmethod
    def curve(self, run_id: str, rows: pd.DataFrame) -> None:
        """Add points of the loss curve (columns of records.CURVE_COLUMNS).

        They appear after seconds, at the latest when the run has ended. A step that was added before is skipped.
        """

    @abstractmethod
    def finish(self, run_id: str, record: RunRecord, paths: RunPaths) -> None:
        """Log the results and files of a run, and end it with its outcome: finished, diverged or unmeasurable."""

    @abstractmethod
    def fail(self, run_id: str, message: str, paths: RunPaths) -> None:
        """End a run that has no result."""

    @abstractmethod
    def interrupt(self, run_id: str, outcome: str = "interrupted") -> None:
        """End a run that was stopped, by the user or because its study was decided."""

    @abstractmethod
    def exclude(self, run_id: str, label: str, reason: str | None) -> None:
        """Mark what is shown of a run as excluded from the analysis, with the reason; None takes the mark away.

        `run_id` is the run's identity, `label` the name of its folder.
        """

    @abstractmethod
    def close(self, paths: StudyPaths, summary: str, *, complete: bool) -> None:
        """Log the report to the parent run, with a short Markdown summary, and end it."""


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
    digest: str | None = None
    response: float | None = None
    definition: str | None = None

    def end(self, status: str, outcome: str) -> None:
        """Set how the run ended."""
        self.status, self.outcome = status, outcome


@final
class MemoryTracker(Tracker):
    """The runs of one study by their id, and the status and summary of the study itself."""

    def __init__(self) -> None:
        self.runs: dict[str, MemoryRun] = {}
        self.excluded: dict[str, str] = {}
        self.status: str | None = None
        self.summary: str | None = None
        self._study: StudySpec

    def open(self, study: StudySpec) -> None:
        """Open the study, and end the runs that an earlier driver left running."""
        self._study, self.status = study, "RUNNING"
        for run in self.runs.values():
            if run.status == "RUNNING":
                run.end("KILLED", "abandoned")

    def entries(self) -> Sequence[Entry]:
        """Return the finished runs."""
        return [
            Entry(run_id, run.planned_run.id, run.digest, run.response, run.definition)
            for run_id, run in self.runs.items()
            if run.status == "FINISHED"
        ]

    def supersede(self, run_ids: Sequence[str]) -> None:
        """End these runs as superseded."""
        for run_id in run_ids:
            self.runs[run_id].end("KILLED", "superseded")

    def start(self, planned_run: PlannedRun, trial: int) -> str:
        """Start a run; ids count up."""
        run_id = f"run-{len(self.runs)}"
        self.runs[run_id] = MemoryRun(planned_run, trial)
        return run_id

    def curve(self, run_id: str, rows: pd.DataFrame) -> None:
        """Store the new rows."""
        curve = self.runs[run_id].curve
        known = curve[-1][0] if curve else 0
        curve += rows[rows["step"] > known].itertuples(index=False, name=None)

    def finish(self, run_id: str, record: RunRecord, paths: RunPaths) -> None:  # noqa: ARG002  # part of the interface
        """Store the measurable means of every view."""
        measured = measured_run(self._study, record)
        run = self.runs[run_id]
        run.means, run.message = measured.named_means, measured.reason or None
        run.digest, run.response, run.definition = record.digest, measured.response, response_definition(self._study)
        run.end("FINISHED", measured.outcome)

    def fail(self, run_id: str, message: str, paths: RunPaths) -> None:  # noqa: ARG002  # part of the interface
        """Store the message."""
        self.runs[run_id].message = message
        self.runs[run_id].end("FAILED", "failed")

    def interrupt(self, run_id: str, outcome: str = "interrupted") -> None:
        """End the run."""
        self.runs[run_id].end("KILLED", outcome)

    def exclude(self, run_id: str, label: str, reason: str | None) -> None:  # noqa: ARG002  # the contract
        """Store the reason, or forget it."""
        self.excluded.pop(run_id, None)
        if reason is not None:
            self.excluded[run_id] = reason

    def close(self, paths: StudyPaths, summary: str, *, complete: bool) -> None:  # noqa: ARG002  # part of the interface
        """Store the summary."""
        self.summary, self.status = summary, "FINISHED" if complete else "KILLED"
