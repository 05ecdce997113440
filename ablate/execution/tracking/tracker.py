"""What the driver tells an experiment tracker."""

from abc import ABC, abstractmethod

import pandas as pd

from ablate.storage.paths import RunPaths, StudyPaths
from ablate.storage.records import RunRecord
from ablate.study import PlannedRun, StudySpec


class Tracker(ABC):
    """Shows a study to people while it runs. It decides nothing: results are kept with or without it."""

    @abstractmethod
    def open(self, study: StudySpec) -> None:
        """Create the study's experiment and parent run, or find those of an earlier start; adopt no stale run."""

    @abstractmethod
    def supersede(self, planned_run: PlannedRun, label: str) -> None:
        """End as superseded what is shown as the result of a run, since another attempt is to replace it.

        `label` names the folder of the run, which differs from its identity in a store of an older schema.
        """

    @abstractmethod
    def start(self, planned_run: PlannedRun, trial: int) -> str:
        """Start the run of a point and return the tracker's id for it."""

    @abstractmethod
    def curve(self, run_id: str, rows: pd.DataFrame) -> None:
        """Add points of the loss curve (columns of records.CURVE_COLUMNS).

        They show after seconds, and at the latest when the run has ended. A step that is known already is left out.
        """

    @abstractmethod
    def finish(self, run_id: str, record: RunRecord, paths: RunPaths) -> None:
        """Log the results and files of a run, and end it."""

    @abstractmethod
    def fail(self, run_id: str, message: str, paths: RunPaths) -> None:
        """End a run that has no result."""

    @abstractmethod
    def interrupt(self, run_id: str) -> None:
        """End a run that the user stopped."""

    @abstractmethod
    def close(self, paths: StudyPaths, summary: str, *, complete: bool) -> None:
        """Log the report to the parent run, with a short Markdown summary, and end it."""
