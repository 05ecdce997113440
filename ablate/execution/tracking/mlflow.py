"""Shows a study in MLflow: the study as a parent run, every attempt at a run as its child."""

import math
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

import pandas as pd
from sqlalchemy.exc import SQLAlchemyError

from ablate.execution.database_creation import create_database
from ablate.execution.measured_run import MeasuredRun, measured_run, response_definition
from ablate.execution.reconciling import Entry
from ablate.execution.tracking.frame_steps import IMAGE_KEY, frame_steps
from ablate.execution.tracking.mlflow_book import finished_entries
from ablate.execution.tracking.mlflow_client import (
    AWAY,
    LONGEST_PARAM,
    LONGEST_TAG,
    MLFLOW_SCHEMA,
    PARAMS_A_BATCH,
    Metric,
    MlflowClient,
    MlflowException,
    Param,
    RunTag,
    client_of,
    metrics,
    quiet_migrations,
    runs_of,
    runs_tagged,
    send,
)
from ablate.execution.tracking.mlflow_experiment import (
    StudyReport,
    dataset,
    log_report,
    open_experiment,
    open_parent,
    provenance,
    seal,
)
from ablate.execution.tracking.run_description import description
from ablate.execution.tracking.run_names import cell_name, factor_columns, run_name
from ablate.execution.tracking.run_numbers import CURVES, flat_settings, means_table, run_metrics
from ablate.execution.tracking.run_tags import (
    CELL,
    ERROR,
    EXCLUDED,
    FACTOR,
    NOTE,
    OUTCOME,
    PARENT,
    REASON,
    RESPONSE_DEFINITION,
    ROLE,
    RUN,
    SEED,
    TITLE,
    TRIAL,
    spellings,
    tag,
    tagged,
    value_of,
)
from ablate.execution.tracking.tracker import Tracker
from ablate.planning.books import RECORD
from ablate.storage.paths import RunPaths, Store, StudyPaths, without_password
from ablate.storage.records import RunRecord
from ablate.storage.retry import fail_unreachable, retry_unreachable
from ablate.study import PlannedRun, StudySpec
from ablate.study.stored_runs import study_paths

MEANS = "metrics.csv"
CURVE_SECONDS = 5.0  # delay of the loss curve: one number takes as long to write as fifty


@dataclass
class UnsentCurve:
    """The part of a running run's loss curve that MLflow still lacks."""

    last_step: int = 0
    unsent: list[Metric] = field(default_factory=list)
    sent: float = field(default_factory=time.monotonic)


@final
class MLflowTracker(Tracker):
    """Writes to the store's MLflow database, which a server may show meanwhile."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.database, self.role, self.gave_up = without_password(store.mlflow_url), "MLflow's database", False
        self._client: MlflowClient
        self._study: StudySpec
        self._experiment: str
        self._parent: str
        self._curves: defaultdict[str, UnsentCurve] = defaultdict(UnsentCurve)

    def is_unreachable(self, error: BaseException) -> bool:
        """See DatabaseClient. A server that does not answer comes as an internal error as well."""
        if isinstance(error, MlflowException):
            return str(error.error_code) in AWAY
        return isinstance(error, SQLAlchemyError)

    @fail_unreachable
    def open(self, study: StudySpec) -> None:
        """See Tracker."""
        self._study = study
        with quiet_migrations():
            if not self._store.mlflow_is_a_server:
                create_database(MLFLOW_SCHEMA, self._store.mlflow_url, is_shared=self._store.mlflow is not None)
            self._client = client_of(self._store)
            self._experiment = open_experiment(self._client, self._store, study)
            self._parent = open_parent(self._client, self._experiment, study)
            seal(self._client, self._parent, self._store, self._study)
            self._end_running()

    @retry_unreachable
    def entries(self) -> Sequence[Entry]:
        """See Tracker."""
        return finished_entries(self._client, self._experiment, study_paths(self._store, self._study))

    @retry_unreachable
    def supersede(self, run_ids: Sequence[str]) -> None:
        """See Tracker."""
        for run_id in run_ids:
            self._end(run_id, "KILLED", {OUTCOME: "superseded"})
            self._client.delete_run(
                run_id
            )  # hides it, so that no table or mean has the run twice; MLflow can restore it

    @retry_unreachable
    def start(self, planned_run: PlannedRun, trial: int) -> str:
        """See Tracker. The resolved run and its levels are parameters, so that MLflow can group and plot by them."""
        levels, title = planned_run.levels, planned_run.title
        name = run_name(self._study, levels, planned_run.seed)
        cell = {CELL: cell_name(self._study, levels), SEED: str(planned_run.seed), TITLE: title}
        factors = {f"{FACTOR}{path}": level[:LONGEST_TAG] for path, level in levels.items()}
        tags = tagged({ROLE: RUN, RUN: planned_run.id, TRIAL: str(trial)} | cell | factors)
        created = self._client.create_run(
            self._experiment, tags={PARENT: self._parent} | tags | provenance(), run_name=name
        )
        run_id: str = created.info.run_id
        columns = factor_columns(self._study)
        settings = {columns[path]: level for path, level in levels.items()}
        settings |= {f"factor.{path}": level for path, level in levels.items()}
        settings |= {"seed": str(planned_run.seed)} | dict(flat_settings(planned_run.spec))
        params = [Param(path, value[:LONGEST_PARAM]) for path, value in settings.items()]
        for first in range(0, len(params), PARAMS_A_BATCH):
            self._client.log_batch(run_id, params=params[first : first + PARAMS_A_BATCH])
        self._client.log_inputs(run_id, datasets=[dataset(planned_run.spec.data)])
        return run_id

    @retry_unreachable
    def curve(self, run_id: str, rows: pd.DataFrame) -> None:
        """See Tracker. The steps of these metrics are optimization steps; they may be CURVE_SECONDS late."""
        curve = self._curves[run_id]
        rows = rows[rows["step"] > curve.last_step]
        if rows.empty:  # a resumed run repeats its curve from the beginning
            return
        points = {
            (key, step): loss
            for key, column in CURVES.items()
            for step, loss in zip(rows["step"], rows[column], strict=True)
            if math.isfinite(loss)
        }
        curve.last_step = int(rows["step"].max())
        curve.unsent += metrics(points)
        if time.monotonic() - curve.sent > CURVE_SECONDS:
            send(self._client, run_id, curve.unsent)
            curve.unsent, curve.sent = [], time.monotonic()

    @retry_unreachable
    def finish(self, run_id: str, record: RunRecord, paths: RunPaths) -> None:
        """See Tracker. The means of all views and steps are in a file, and a few of them are metrics.

        A run without a response has no metric of that name, so that it sorts nowhere.
        """
        self.curve(run_id, record.curve)  # another driver than the one that trained it may finish it
        measured = measured_run(self._study, record)
        self._log_files(run_id, paths)
        self._client.log_text(run_id, means_table(record, measured), MEANS)
        for step, image in frame_steps(record, self._study.response.view):
            self._client.log_image(run_id, image, key=IMAGE_KEY, step=step)
        results = metrics(run_metrics(self._study, record, measured))
        self._end(run_id, "FINISHED", self._result_tags(run_id, record, measured, paths), results)

    @retry_unreachable
    def fail(self, run_id: str, message: str, paths: RunPaths) -> None:
        """See Tracker."""
        self._log_files(run_id, paths)
        self._end(run_id, "FAILED", {OUTCOME: "failed", ERROR: message, NOTE: f"**Failed**: {message}"})

    @retry_unreachable
    def interrupt(self, run_id: str, outcome: str = "interrupted") -> None:
        """See Tracker."""
        self._end(run_id, "KILLED", {OUTCOME: outcome})

    @retry_unreachable
    def exclude(self, run_id: str, label: str, reason: str | None) -> None:
        """See Tracker."""
        for run in runs_of(self._client, self._experiment, run_id, label):
            known = value_of(run.data.tags, EXCLUDED)
            if reason is not None and known != reason:
                self._client.set_tag(run.info.run_id, tag(EXCLUDED), reason[:LONGEST_TAG])
            elif reason is None:
                for spelling in spellings(EXCLUDED):
                    if spelling in run.data.tags:
                        self._client.delete_tag(run.info.run_id, spelling)

    @retry_unreachable
    def close(self, paths: StudyPaths, summary: str, *, complete: bool) -> None:
        """See Tracker. A study that is not complete ends as KILLED; the next start reopens it."""
        log_report(self._client, self._experiment, self._parent, StudyReport(self._study, paths, summary))
        seal(self._client, self._parent, self._store, self._study)
        self._end_running()  # started, but the answer of the database was lost
        self._end(self._parent, "FINISHED" if complete else "KILLED", {})

    def _result_tags(self, run_id: str, record: RunRecord, measured: MeasuredRun, paths: RunPaths) -> dict[str, str]:
        """Return how a run ended, its description, the digest of its record, and the facts that are words."""
        tags = {name: fact for name, fact in record.facts.items() if isinstance(fact, str)}
        tags |= {OUTCOME: measured.outcome, NOTE: description(self._study, record, measured, run_id, paths)}
        tags[RESPONSE_DEFINITION] = response_definition(self._study)
        if measured.reason:
            tags[REASON] = measured.reason
        if record.digest is not None:
            tags[RECORD] = record.digest
        return tags

    def _end_running(self) -> None:
        """End the runs that nobody carries out: the caller holds the study's lock and begins none."""
        for run in runs_tagged(self._client, self._experiment, ROLE, RUN, "status = 'RUNNING'"):
            self._end(run.info.run_id, "KILLED", {OUTCOME: "abandoned"})

    def _log_files(self, run_id: str, paths: RunPaths) -> None:
        for file in sorted(paths.folder.glob("[!.]*")):  # hidden files are incomplete: a killed worker left them
            self._client.log_artifact(run_id, str(file))

    def _end(self, run_id: str, status: str, tags: Mapping[str, str], results: Sequence[Metric] = ()) -> None:
        """Log the last metrics and the tags of a run, and end it. The tag of the description is MLflow's own."""
        named = {key if key == NOTE else tag(key): value for key, value in tags.items()}
        unsent = self._curves[run_id].unsent
        send(
            self._client,
            run_id,
            [*unsent, *results],
            [RunTag(key, value[:LONGEST_TAG]) for key, value in named.items()],
        )
        self._client.set_terminated(run_id, status)
        self._curves.pop(run_id, None)
