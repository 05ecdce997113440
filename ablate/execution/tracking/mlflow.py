"""Shows a study in MLflow: the study as a parent run, every attempt at a run as its child.

The only file that imports mlflow. It names every run by its id and never touches MLflow's active run or
global addresses, which are the user's.
"""

import hashlib
import json
import logging
import math
import os
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import Any, final

import numpy as np
import pandas as pd
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from ablate.components.data import Data
from ablate.core.errors import AblateError, DataError
from ablate.execution.measured_run import MeasuredRun, measured_run
from ablate.execution.tracking.run_description import commit, description, user
from ablate.execution.tracking.tracker import Tracker
from ablate.measurement.metrics.trail import TRAIL
from ablate.planning.books import RECORD, SEALS, Book, new_seals
from ablate.storage.findings import Finding
from ablate.storage.paths import RunPaths, Store, StudyPaths, without_password
from ablate.storage.records import RunRecord
from ablate.storage.retry import fail_unreachable, retry_unreachable
from ablate.study import PlannedRun, StudySpec, level_name
from ablate.study.stored_runs import study_paths

NO_CALLS_OUT = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_MODEL_CATALOG_URI": "", "DO_NOT_TRACK": "true"}
PATIENCE = {"MAX_RETRIES": "2", "BACKOFF_FACTOR": "1", "TIMEOUT": "30"}
"""Limits of one call to a server, which by default repeats for four minutes; `retry_unreachable` repeats calls."""
os.environ.update(NO_CALLS_OUT)
for name, value in PATIENCE.items():
    os.environ.setdefault(f"MLFLOW_HTTP_REQUEST_{name}", value)

from mlflow import MlflowClient  # noqa: E402  # reads the environment while it is imported
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402

logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # it logs the exceptions that it raises

RUNS_A_PAGE = 1_000
LONGEST_REASON = 120  # characters of an error that a report quotes
METRICS_A_BATCH, PARAMS_A_BATCH = 900, 100  # MLflow takes 1,000 of everything together, 100 parameters
CURVE_SECONDS = 5.0  # delay of the loss curve: one number takes as long to write as fifty
LONGEST_KEY, LONGEST_PARAM, LONGEST_TAG = 250, 6000, 8000
NO_KEY = re.compile(r"[^\w\-. :/]", re.ASCII)  # characters that MLflow refuses in a metric's name
AWAY = ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED")
NOTE = "mlflow.note.content"
ROLE = "role"
EXCLUDED, REASON = "excluded", "reason"


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
        with _quiet_migrations():
            self._store.root.mkdir(parents=True, exist_ok=True)
            self._client = _client(self._store)
            self._experiment = self._open_experiment()
            self._parent = self._open_parent()
            self._seal()
            self._end_all("status = 'RUNNING'", "abandoned")

    @retry_unreachable
    def supersede(self, planned_run: PlannedRun, label: str) -> None:
        """See Tracker. A killed driver may have ended the run here without ending its trial."""
        for tag in _run_tags(planned_run.id, label):
            self._end_all(f"{tag} and status = 'FINISHED'", "superseded")

    @retry_unreachable
    def start(self, planned_run: PlannedRun, trial: int) -> str:
        """See Tracker. The resolved run and its levels are parameters, so that MLflow can group and plot by them."""
        tags = {"mlflow.parentRunId": self._parent, ROLE: "run", "run": planned_run.id, "trial": str(trial)}
        created = self._client.create_run(self._experiment, tags=tags | _provenance(), run_name=planned_run.title)
        run_id: str = created.info.run_id
        settings = dict(_flat(planned_run.spec)) | {
            f"factor.{path}": level for path, level in planned_run.levels.items()
        }
        params = [Param(path, value[:LONGEST_PARAM]) for path, value in settings.items()]
        for first in range(0, len(params), PARAMS_A_BATCH):
            self._client.log_batch(run_id, params=params[first : first + PARAMS_A_BATCH])
        self._client.log_inputs(run_id, datasets=[_dataset(planned_run.spec.data)])
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
        curve.unsent += _metrics(points)
        if time.monotonic() - curve.sent > CURVE_SECONDS:
            _send(self._client, run_id, curve.unsent)
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
        results |= _by_forecast_step(record, measured, self._study.response.measurable_from) | _by_lag(measured)
        self._log_files(run_id, paths)
        words = {name: fact for name, fact in record.facts.items() if isinstance(fact, str)}
        note = {NOTE: description(self._study, record, measured, run_id, paths)}
        if measured.reason:
            note[REASON] = measured.reason
        if record.digest is not None:
            note[RECORD] = record.digest
        self._end(run_id, "FINISHED", {"outcome": measured.outcome} | words | note, _metrics(results))

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
        for condition in _run_tags(run_id, label):
            for run in self._search(condition):
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
        self._seal()
        self._end_all("status = 'RUNNING'", "abandoned")  # started, but the answer of the database was lost
        self._end(self._parent, "FINISHED" if complete else "KILLED", {NOTE: summary})

    def _open_experiment(self) -> str:
        name = self._study.name
        experiment = self._client.get_experiment_by_name(name)
        if experiment is None:
            id_ = self._client.create_experiment(name, self._artifacts())
        else:
            id_ = experiment.experiment_id
            if experiment.lifecycle_stage == "deleted":  # in the UI, which keeps its name in use
                self._client.restore_experiment(id_)
        self._client.set_experiment_tag(id_, NOTE, self._study.question)
        return id_

    def _artifacts(self) -> str | None:
        """Return the folder of artifacts; None where a server stores them."""
        if self._store.mlflow_is_a_server:
            return None
        return (self._store.mlflow_artifacts.absolute() / self._study.name).as_uri()

    def _open_parent(self) -> str:
        if earlier := self._search(f"tags.{ROLE} = 'study'"):
            id_: str = earlier[0].info.run_id
            self._client.update_run(id_, status="RUNNING")
            return id_
        tags = {ROLE: "study"} | _provenance()
        created: str = self._client.create_run(self._experiment, tags=tags, run_name=self._study.name).info.run_id
        return created

    def _seal(self) -> None:
        """Record the digest and the chain of the preregistered plan, where the parent run has no other ones."""
        tags = self._client.get_run(self._parent).data.tags
        for name, seal in new_seals(study_paths(self._store, self._study), tags).items():
            self._client.set_tag(self._parent, name, seal)

    def _end_all(self, condition: str, outcome: str) -> None:
        for run in self._search(f"tags.`mlflow.parentRunId` = '{self._parent}' and {condition}"):
            self._end(run.info.run_id, "KILLED", {"outcome": outcome})

    def _search(self, condition: str) -> list[Run]:
        return list(self._client.search_runs([self._experiment], condition, order_by=["attributes.start_time ASC"]))

    def _log_files(self, run_id: str, paths: RunPaths) -> None:
        for file in sorted(paths.folder.glob("[!.]*")):  # hidden files are incomplete: a killed worker left them
            self._client.log_artifact(run_id, str(file))

    def _end(self, run_id: str, status: str, tags: Mapping[str, str], results: Sequence[Metric] = ()) -> None:
        unsent = self._curves[run_id].unsent
        _send(
            self._client, run_id, [*unsent, *results], [RunTag(key, value[:LONGEST_TAG]) for key, value in tags.items()]
        )
        self._client.set_terminated(run_id, status)
        self._curves.pop(run_id, None)


def experiment_url(base_url: str, study: str) -> str:
    """Return the page of a study on the MLflow server at `base_url`.

    Without the workflow type MLflow opens its pages for language models. Raises AblateError where the server
    knows no such study.
    """
    experiment = MlflowClient(tracking_uri=base_url).get_experiment_by_name(study)
    if experiment is None:
        raise AblateError(f"no study {study!r} has been run in this store; run it first")
    return f"{base_url}/#/experiments/{experiment.experiment_id}/runs?workflowType=machine_learning"


def mlflow_book(store: Store, study: str, *, with_records: bool = True) -> Book:
    """Return what MLflow holds of a study; nothing is created where there is no such study.

    The digests of records are read on request only: MLflow loads every number of a run to show one tag.
    """
    if store.mlflow is None and not store.mlflow_database.exists():
        return Book("MLflow")
    try:
        with _quiet_migrations():
            client = _client(store)
            experiment = client.get_experiment_by_name(study)
        if experiment is None:
            return Book("MLflow")
        ids = [experiment.experiment_id]
        parents = client.search_runs(ids, f"tags.{ROLE} = 'study'", order_by=["attributes.start_time ASC"])
        seals = {name: parents[0].data.tags[name] for name in SEALS if name in parents[0].data.tags} if parents else {}
        has_runs = bool(client.search_runs(ids, f"tags.{ROLE} = 'run'", max_results=1))
        return Book("MLflow", seals, has_runs, _recorded_digests(client, ids) if with_records else {})
    except (MlflowException, SQLAlchemyError) as error:
        return Book("MLflow", problem=shorten(str(error).partition("\n")[0], LONGEST_REASON))


def _recorded_digests(client: MlflowClient, experiments: list[str]) -> dict[str, str]:
    """Return the digest of the record of every run that is shown as finished and has one, by run id."""
    digests: dict[str, str] = {}
    page = None
    while page != "":
        runs = client.search_runs(
            experiments,
            f"tags.`{RECORD}` LIKE '%' and status = 'FINISHED'",
            max_results=RUNS_A_PAGE,
            order_by=["attributes.start_time ASC"],
            page_token=page,
        )
        digests |= {run.data.tags["run"]: run.data.tags[RECORD] for run in runs}
        page = runs.token or ""
    return digests


def study_and_run(store: Store, run_id: str) -> tuple[str, str]:
    """Return the study of an MLflow run and the id of the run that it shows, from the store's MLflow database.

    Raises DataError where there is no such run, or it is that of a whole study.
    """
    client = _client(store)
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        raise DataError(
            f"no run {run_id!r} in {without_password(store.mlflow_url)}; copy the id from the run's page"
        ) from error
    study: str = client.get_experiment(run.info.experiment_id).name
    label = run.data.tags.get("run", run.data.tags.get("point"))  # schema 1 called the tag point
    if label is None:
        raise DataError(f"run {run_id!r} is that of the whole study {study!r}; give one of the runs below it")
    return study, label


def log_findings(store: Store, study: str, run: str, findings: Sequence[Finding], paths: RunPaths) -> str | None:
    """Add what probes found to the finished run in MLflow; return its id there, or None where there is none.

    Every number becomes a metric `probe/NAME/NUMBER`, every change of a metric `probe/NAME/CONDITION/METRIC`.
    """
    client = _client(store)
    experiment = client.get_experiment_by_name(study)
    ids = [experiment.experiment_id] if experiment else []
    filters = [f"{tag} and status = 'FINISHED'" for tag in _run_tags(run, paths.folder.name)] if ids else []
    finished = [run for text in filters for run in client.search_runs(ids, text, max_results=1)]
    if not finished:
        return None
    run_id: str = finished[0].info.run_id
    numbers = {(key, 0): value for key, value in _probe_numbers(findings)}
    _send(client, run_id, _metrics(numbers), [RunTag("probed", "true")])
    for file in (paths.findings, paths.findings_page):
        client.log_artifact(run_id, str(file))
    return run_id


def _run_tags(run_id: str, label: str) -> tuple[str, str]:
    """Return the filters that find a run: by its identity, or by the label that schema 1 kept in the tag `point`."""
    return f"tags.run = '{run_id}'", f"tags.point = '{label}'"


def _probe_numbers(findings: Sequence[Finding]) -> Iterator[tuple[str, float]]:
    for finding in findings:
        values = {name: number for name, number in finding.numbers.items() if isinstance(number, int | float)}
        values |= {f"{change.condition}/{change.metric}": change.difference for change in finding.changes}
        for name, value in values.items():
            if math.isfinite(value):
                yield NO_KEY.sub("_", f"probe/{finding.probe}/{name}")[:LONGEST_KEY], float(value)


def _client(store: Store) -> MlflowClient:
    return MlflowClient(tracking_uri=store.mlflow_url)


def _metrics(values: Mapping[tuple[str, int], float]) -> list[Metric]:
    now = time.time_ns() // 1_000_000
    return [Metric(key, float(value), now, int(step)) for (key, step), value in values.items()]


def _send(client: MlflowClient, run_id: str, metrics: Sequence[Metric], tags: Sequence[RunTag] = ()) -> None:
    for first in range(0, max(len(metrics), 1), METRICS_A_BATCH):
        last = first + METRICS_A_BATCH >= len(metrics)
        client.log_batch(run_id, metrics=metrics[first : first + METRICS_A_BATCH], tags=tags if last else ())


def _provenance() -> dict[str, str]:
    tags = {
        "mlflow.source.name": "ablate",
        "mlflow.source.git.commit": commit(Path(__file__).parent),
        "mlflow.user": user(),
    }
    return {name: value for name, value in tags.items() if value is not None}


def _flat(block: BaseModel) -> Iterator[tuple[str, str]]:
    """Yield every setting by its path, written like a level."""
    branches: list[tuple[str, Any]] = list(block.model_dump(mode="json").items())
    while branches:
        path, value = branches.pop(0)
        if isinstance(value, dict):
            branches += [(f"{path}.{key}", below) for key, below in value.items()]
        else:
            yield path, level_name(value)


def _dataset(data: Data) -> DatasetInput:
    settings = data.model_dump_json()
    source = json.dumps({"tags": {"mlflow.source.name": "ablate.data", "settings": settings}})
    digest = hashlib.sha256(settings.encode()).hexdigest()[:16]
    dataset = Dataset(name=data.kind, digest=digest, source_type="code", source=source)
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])


def _by_lag(measured: MeasuredRun) -> dict[tuple[str, int], float]:
    """Return the trail of every view as one chart over the lags."""
    lags = {lag.name: number for number, lag in enumerate(TRAIL, start=1)}
    return {
        (f"{view}_trail/by_lag", lags[metric]): mean
        for (view, metric), mean in measured.means.items()
        if metric in lags
    }


def _by_forecast_step(record: RunRecord, measured: MeasuredRun, measurable_from: float) -> dict[tuple[str, int], float]:
    """Return every measurable metric as a chart over the forecast steps that enough clips define.

    The lags of the trail have a chart of their own.
    """
    scores = record.scores[~record.scores["metric"].isin([lag.name for lag in TRAIL])].astype({"value": float})
    by_step = scores.groupby(["view", "metric", "step"])["value"].agg(["mean", "count", "size"]).reset_index()
    counts = np.isfinite(by_step["mean"]) & (by_step["count"] >= measurable_from * by_step["size"])
    return {
        (f"{row['view']}_per_step/{row['metric']}", row["step"]): row["mean"]
        for _, row in by_step[counts].iterrows()
        if (row["view"], row["metric"]) in measured.means
    }


@contextmanager
def _quiet_migrations() -> Iterator[None]:
    """Suppress MLflow's messages about each migration of a database that it creates."""
    logger = logging.getLogger("alembic")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
