"""What MLflow holds of a study, read without its lock and without creating anything."""

from textwrap import shorten

from sqlalchemy.exc import SQLAlchemyError

from ablate.core.errors import AblateError, DataError
from ablate.execution.tracking.mlflow_client import (
    RUNS_A_PAGE,
    MlflowClient,
    MlflowException,
    client_of,
    quiet_migrations,
)
from ablate.execution.tracking.run_tags import ROLE
from ablate.planning.books import RECORD, SEALS, Book
from ablate.storage.paths import Store, without_password

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
        return Book("MLflow", seals, has_runs, _recorded_digests(client, ids) if with_records else {})
    except (MlflowException, SQLAlchemyError, AblateError) as error:
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
    client = client_of(store)
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
