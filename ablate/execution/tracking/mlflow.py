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
from ablate.execution.measured_run import measured_run, response_definition
from ablate.execution.reconciling import Entry
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
    send,
)
from ablate.execution.tracking.mlflow_experiment import (
    dataset,
    open_experiment,
    open_parent,
    provenance,
    runs_where,
    seal,
)
from ablate.execution.tracking.run_description import description
from ablate.execution.tracking.run_numbers import by_forecast_step, by_lag, flat_settings
from ablate.execution.tracking.run_tags import EXCLUDED, NOTE, REASON, RESPONSE_DEFINITION, ROLE, run_tags
from ablate.execution.tracking.tracker import Tracker
from ablate.planning.books import RECORD
from ablate.storage.paths import RunPaths, Store, StudyPaths, without_password
from ablate.storage.records import RunRecord
from ablate.storage.retry import fail_unreachable, retry_unreachable
from ablate.study import PlannedRun, StudySpec
from ablate.study.stored_runs import study_paths

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
            self._end(run_id, "KILLED", {"outcome": "superseded"})

    @retry_unreachable
    def start(self, planned_run: PlannedRun, trial: int) -> str:
        """See Tracker. The resolved run and its levels are parameters, so that MLflow can group and plot by them."""
        tags = {"mlflow.parentRunId": self._parent, ROLE: "run", "run": planned_run.id, "trial": str(trial)}
        created = self._client.create_run(self._experiment, tags=tags | provenance(), run_name=planned_run.title)
        run_id: str = created.info.run_id
        settings = dict(flat_settings(planned_run.spec)) | {
            f"factor.{path}": level for path, level in planned_run.levels.items()
        }
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
            for key in ("loss", "held_out_loss")
            for step, loss in zip(rows["step"], rows[key], strict=True)
            if math.isfinite(loss)
        }
        curve.last_step = int(rows["step"].max())
        curve.unsent += metrics(points)
        if time.monotonic() - curve.sent > CURVE_SECONDS:
            send(self._client, run_id, curve.unsent)
            curve.unsent, curve.sent = [], time.monotonic()

    @retry_unreachable
    def finish(self, run_id: str, record: RunRecord, paths: RunPaths) -> None:
        """See Tracker. Every measurable mean is logged as one number, and by forecast step, or by lag, as a chart.

        A run without a response has no metric of that name, so that it sorts nowhere.
        """
        self.curve(run_id, record.curve)  # another driver than the one that trained it may finish it
        numbers = {name: fact for name, fact in record.facts.items() if not isinstance(fact, str)}
        measured = measured_run(self._study, record)
        response = {"response": measured.response, "response_defined_share": measured.defined_share}
        last = numbers | measured.named_means | {name: x for name, x in response.items() if not math.isnan(x)}
        results = {(name, 0): value for name, value in last.items()}
        results |= by_forecast_step(record, measured, self._study.response.measurable_from) | by_lag(measured)
        self._log_files(run_id, paths)
        words = {name: fact for name, fact in record.facts.items() if isinstance(fact, str)}
        note = {NOTE: description(self._study, record, measured, run_id, paths)}
        note[RESPONSE_DEFINITION] = response_definition(self._study)
        if measured.reason:
            note[REASON] = measured.reason
        if record.digest is not None:
            note[RECORD] = record.digest
        self._end(run_id, "FINISHED", {"outcome": measured.outcome} | words | note, metrics(results))

    @retry_unreachable
    def fail(self, run_id: str, message: str, paths: RunPaths) -> None:
        """See Tracker."""
        self._log_files(run_id, paths)
        self._end(run_id, "FAILED", {"outcome": "failed", "error": message, NOTE: f"**Failed**: {message}"})

    @retry_unreachable
    def interrupt(self, run_id: str, outcome: str = "interrupted") -> None:
        """See Tracker."""
        self._end(run_id, "KILLED", {"outcome": outcome})

    @retry_unreachable
    def exclude(self, run_id: str, label: str, reason: str | None) -> None:
        """See Tracker."""
        for condition in run_tags(run_id, label):
            for run in runs_where(self._client, self._experiment, condition):
                tagged = run.data.tags.get(EXCLUDED)
                if reason is not None and tagged != reason:
                    self._client.set_tag(run.info.run_id, EXCLUDED, reason[:LONGEST_TAG])
                elif reason is None and tagged is not None:
                    self._client.delete_tag(run.info.run_id, EXCLUDED)

    @retry_unreachable
    def close(self, paths: StudyPaths, summary: str, *, complete: bool) -> None:
        """See Tracker. A study that is not complete ends as KILLED; the next start reopens it."""
        report = (paths.report_html, paths.report_markdown, paths.report_json, paths.runs_csv, paths.comparison)
        for file in (paths.study_yaml, paths.plan, paths.exclusions, paths.looks, paths.merges, *report):
            if file.exists():
                self._client.log_artifact(self._parent, str(file))
        seal(self._client, self._parent, self._store, self._study)
        self._end_running()  # started, but the answer of the database was lost
        self._end(self._parent, "FINISHED" if complete else "KILLED", {NOTE: summary})

    def _end_running(self) -> None:
        """End the runs that nobody carries out: the caller holds the study's lock and begins none."""
        for run in runs_where(self._client, self._experiment, f"tags.{ROLE} = 'run' and status = 'RUNNING'"):
            self._end(run.info.run_id, "KILLED", {"outcome": "abandoned"})

    def _log_files(self, run_id: str, paths: RunPaths) -> None:
        for file in sorted(paths.folder.glob("[!.]*")):  # hidden files are incomplete: a killed worker left them
            self._client.log_artifact(run_id, str(file))

    def _end(self, run_id: str, status: str, tags: Mapping[str, str], results: Sequence[Metric] = ()) -> None:
        unsent = self._curves[run_id].unsent
        send(
            self._client, run_id, [*unsent, *results], [RunTag(key, value[:LONGEST_TAG]) for key, value in tags.items()]
        )
        self._client.set_terminated(run_id, status)
        self._curves.pop(run_id, None)
