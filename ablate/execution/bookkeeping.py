"""The two books of a study, Optuna's trials and MLflow's runs, written and reconciled as one.

Only this module ends an attempt in a book. The records on disk decide; the books follow them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import final

import pandas as pd

from ablate.execution.ledger.ledger import Ledger
from ablate.execution.measured_run import MeasuredRun, measured_run
from ablate.execution.reconciling import corrections, stored_runs
from ablate.execution.tracking.tracker import Tracker
from ablate.storage.exclusions import excluded_runs, exclusions
from ablate.storage.failed_attempts import FailureKind
from ablate.storage.paths import StudyPaths
from ablate.storage.records import RunRecord
from ablate.study import PlannedRun, StudySpec

INTERRUPTED = "interrupted"


@dataclass
class Attempt:
    """One attempt at a run: its trial in Optuna, its id in the tracker, and when it started."""

    planned_run: PlannedRun
    trial: int
    run_id: str
    started: float | None = None


@final
class Bookkeeping:
    """Begins and ends attempts in both books, and holds the books against the records."""

    def __init__(self, study: StudySpec, paths: StudyPaths, ledger: Ledger, tracker: Tracker) -> None:
        self._study, self._paths, self._ledger, self._tracker = study, paths, ledger, tracker
        self._planned_runs = {planned_run.id: planned_run for planned_run in study.planned_runs}

    def open(self, replaced: Collection[str] = ()) -> int:
        """Open the tracker, mark the excluded runs, and reconcile; return the number of runs that were entered.

        `replaced` are runs whose records a merge exchanged.
        """
        self._tracker.open(self._study)
        excluded = excluded_runs(self._paths)
        self._ledger.exclude(excluded)
        for run_id in dict.fromkeys(exclusion.run for exclusion in exclusions(self._paths)):
            self._tracker.exclude(run_id, self._paths.run(run_id).folder.name, excluded.get(run_id))
        return self.reconcile(replaced)

    def reconcile(self, replaced: Collection[str] = ()) -> int:
        """Enter every record that a book lacks, and mark in each book what it shows twice; return the number entered.

        No attempt may be running. A second call changes nothing. An attempt without a record here is left alone.
        """
        runs = stored_runs(self._study, self._paths)
        trials, tracked = self._ledger.entries(), self._tracker.entries()
        in_ledger = corrections(runs, trials, tracked, replaced)
        in_tracker = corrections(runs, tracked, trials, replaced)
        shown_as: dict[int, str] = {}
        for run_id in in_tracker.missing:
            if (trial := in_ledger.current.get(run_id)) is not None:
                shown_as[int(trial.id)] = self._show_again(self._planned_runs[run_id], int(trial.id))
        if in_ledger.missing:
            self._ledger.enqueue([self._planned_runs[run_id] for run_id in in_ledger.missing])
        while in_ledger.missing and (queued := self._ledger.next()) is not None:
            number, run_id = queued
            planned_run, entry = self._planned_runs[run_id], in_tracker.current.get(run_id)
            tracked_id = self._tracker.start(planned_run, number) if entry is None else entry.id
            self.settle(Attempt(planned_run, number, tracked_id), is_shown=entry is not None)
        self._tracker.supersede([entry.id for entry in in_tracker.superseded])
        self._ledger.correct([int(entry.id) for entry in in_ledger.superseded], shown_as)
        return len({*in_ledger.missing, *in_tracker.missing})

    def begin(self, trial: int, planned_run: PlannedRun) -> Attempt:
        """Begin an attempt in the tracker; its trial has begun already."""
        return Attempt(planned_run, trial, self._tracker.start(planned_run, trial))

    def curve(self, attempt: Attempt, rows: pd.DataFrame) -> None:
        """Add points of the loss curve (columns of records.CURVE_COLUMNS) to what the tracker shows of an attempt."""
        self._tracker.curve(attempt.run_id, rows)

    def settle(self, attempt: Attempt, *, is_shown: bool = False) -> tuple[RunRecord, MeasuredRun]:
        """End an attempt with the record on disk, and return what it holds and means.

        `is_shown` says that the tracker shows the record already. Raises DataError where the record is damaged.
        """
        paths = self._paths.run(attempt.planned_run.id)
        record = RunRecord.load(paths, attempt.planned_run.id)
        measured = measured_run(self._study, record)
        if not is_shown:
            self._tracker.finish(attempt.run_id, record, paths)
        pictures = [paths.frame_grid(view) for view in record.examples] + [paths.animation(self._study.response.view)]
        self._ledger.settle(
            attempt.trial,
            measured=measured,
            record=record,
            run_id=attempt.run_id,
            artifacts=[picture for picture in pictures if picture.exists()],
        )
        return record, measured

    def fail(self, attempt: Attempt, kind: FailureKind, message: str) -> None:
        """End an attempt that has no result."""
        self._ledger.fail(attempt.trial, kind, message)
        self._tracker.fail(attempt.run_id, message, self._paths.run(attempt.planned_run.id))

    def stop(self, attempt: Attempt, outcome: str = INTERRUPTED) -> None:
        """End an attempt that was stopped, by the user or because its study was decided."""
        self._ledger.release(attempt.trial, outcome)
        self._tracker.interrupt(attempt.run_id, outcome)

    def _show_again(self, planned_run: PlannedRun, trial: int) -> str:
        """Enter a settled run in the tracker, and return its id there."""
        paths = self._paths.run(planned_run.id)
        record = RunRecord.load(paths, planned_run.id)
        run_id = self._tracker.start(planned_run, trial)
        self._tracker.finish(run_id, record, paths)
        return run_id
