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
    runs_tagged,
    runs_where,
)
from ablate.execution.tracking.run_numbers import RESPONSE
from ablate.execution.tracking.run_tags import (
    OUTCOME,
    RESPONSE_DEFINITION,
    ROLE,
    RUN,
    STUDY,
    conditions,
    spellings,
    value_of,
)
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
        id_ = experiment.experiment_id
        parents = runs_tagged(client, id_, ROLE, STUDY)
        seals = seals_of(parents[0]) if parents else {}
        return Book("MLflow", seals, _has_runs(client, id_), _recorded_digests(client, id_) if with_records else {})
    except (MlflowException, SQLAlchemyError, AblateError) as error:
        return Book("MLflow", problem=shorten(str(error).partition("\n")[0], LONGEST_REASON))


def seals_of(parent: Run) -> dict[str, str]:
    """Return the seals that a parent run holds, by their names without prefix."""
    tags = parent.data.tags
    return {name: value for name in SEALS if (value := value_of(tags, name)) is not None}


def finished_entries(client: MlflowClient, experiment: str, paths: StudyPaths) -> list[Entry]:
    """Return the finished runs of a study, the first one that was started first.

    A run without a metric `response` shows none of its own accord, unless it says why it has none.
    """
    return [_entry(run, paths) for run in runs_tagged(client, experiment, ROLE, RUN, "status = 'FINISHED'")]


def _entry(run: Run, paths: StudyPaths) -> Entry:
    tags = run.data.tags
    has_none = value_of(tags, OUTCOME) != FINISHED  # the outcome of a run with a response
    return Entry(
        id=run.info.run_id,
        run=paths.run_id(value_of(tags, RUN) or ""),
        digest=value_of(tags, RECORD),
        response=run.data.metrics.get(RESPONSE, math.nan if has_none else None),
        definition=value_of(tags, RESPONSE_DEFINITION),
    )


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
    label = value_of(run.data.tags, RUN)
    if label is None:
        raise DataError(f"run {run_id!r} is that of the whole study {study!r}; give one of the runs below it")
    return study, label


def _has_runs(client: MlflowClient, experiment: str) -> bool:
    return any(client.search_runs([experiment], condition, max_results=1) for condition in conditions(ROLE, RUN))


def _recorded_digests(client: MlflowClient, experiment: str) -> dict[str, str]:
    """Return the digest of the record of every run that is shown as finished and has one, by run id."""
    runs = [
        run
        for spelling in spellings(RECORD)
        for run in runs_where(client, experiment, f"tags.`{spelling}` LIKE '%' and status = 'FINISHED'")
    ]
    runs.sort(key=lambda run: run.info.start_time)
    return {value_of(run.data.tags, RUN) or "": value_of(run.data.tags, RECORD) or "" for run in runs}
