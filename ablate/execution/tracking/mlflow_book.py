"""What MLflow holds of a study, read without its lock and without creating anything."""

import math
from textwrap import shorten

from sqlalchemy.exc import SQLAlchemyError

from ablate.analysis.unmeasurable import FINISHED
from ablate.core.errors import AblateError, DataError
from ablate.execution.reconciling import Entry
from ablate.execution.tracking.mlflow_client import (
    MlflowClient,
    MlflowException,
    Run,
    client_of,
    quiet_migrations,
)
from ablate.execution.tracking.mlflow_experiment import runs_where
from ablate.execution.tracking.run_tags import RESPONSE_DEFINITION, ROLE
from ablate.planning.books import RECORD, SEALS, Book
from ablate.storage.paths import Store, StudyPaths, without_password

LONGEST_REASON = 120  # characters of an error that a report quotes


def mlflow_book(store: Store, study: str, *, with_records: bool = True) -> Book:
    """Return what MLflow holds of a study; nothing is created where there is no such study.

    The digests of records are read on request only: MLflow loads every number of a run to show one tag.
    """
    if store.mlflow is None and not store.mlflow_database.exists():
        return Book("MLflow")
    try:
        with quiet_migrations():
            client = client_of(store)
            experiment = client.get_experiment_by_name(study)
        if experiment is None:
            return Book("MLflow")
        ids = [experiment.experiment_id]
        parents = client.search_runs(ids, f"tags.{ROLE} = 'study'", order_by=["attributes.start_time ASC"])
        seals = {name: parents[0].data.tags[name] for name in SEALS if name in parents[0].data.tags} if parents else {}
        has_runs = bool(client.search_runs(ids, f"tags.{ROLE} = 'run'", max_results=1))
        records = _recorded_digests(client, experiment.experiment_id) if with_records else {}
        return Book("MLflow", seals, has_runs, records)
    except (MlflowException, SQLAlchemyError, AblateError) as error:
        return Book("MLflow", problem=shorten(str(error).partition("\n")[0], LONGEST_REASON))


def _recorded_digests(client: MlflowClient, experiment: str) -> dict[str, str]:
    """Return the digest of the record of every run that is shown as finished and has one, by run id."""
    condition = f"tags.`{RECORD}` LIKE '%' and status = 'FINISHED'"
    runs = runs_where(client, experiment, condition)
    return {run.data.tags["run"]: run.data.tags[RECORD] for run in runs}


def finished_entries(client: MlflowClient, experiment: str, paths: StudyPaths) -> list[Entry]:
    """Return the finished runs of a study, the first one that was started first.

    A run without a metric `response` shows none of its own accord, unless it says why it has none.
    """
    runs = runs_where(client, experiment, f"tags.{ROLE} = 'run' and status = 'FINISHED'")
    return [_entry(run, paths) for run in runs]


def _entry(run: Run, paths: StudyPaths) -> Entry:
    tags = run.data.tags
    has_none = tags.get("outcome") != FINISHED  # the outcome of a run with a response
    response = run.data.metrics.get("response", math.nan if has_none else None)
    return Entry(
        run.info.run_id, paths.run_id(_label(run) or ""), tags.get(RECORD), response, tags.get(RESPONSE_DEFINITION)
    )


def _label(run: Run) -> str | None:
    """Return the name of a run's folder: schema 1 kept it in the tag `point`. A study's parent run has none."""
    label: str | None = run.data.tags.get("run", run.data.tags.get("point"))
    return label


def study_and_run(store: Store, run_id: str) -> tuple[str, str]:
    """Return the study of an MLflow run and the id of the run that it shows, from the store's MLflow database.

    Raises DataError where there is no such run, or it is that of a whole study.
    """
    client = client_of(store)
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        raise DataError(
            f"no run {run_id!r} in {without_password(store.mlflow_url)}; copy the id from the run's page"
        ) from error
    study: str = client.get_experiment(run.info.experiment_id).name
    if (label := _label(run)) is None:
        raise DataError(f"run {run_id!r} is that of the whole study {study!r}; give one of the runs below it")
    return study, label
