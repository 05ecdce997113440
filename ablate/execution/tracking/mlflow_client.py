"""The one door to MLflow's client: its environment, its limits, and how numbers and tags are sent.

The only module that imports mlflow, since the environment must be set before. The other modules of this room take
what they need from here; they name every run by its id and never touch MLflow's active run or global addresses, which
are the user's.
"""

import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from ablate.execution.database_creation import refuse_other_schema
from ablate.execution.database_schema import DatabaseSchema
from ablate.execution.tracking.run_tags import RUN, conditions
from ablate.storage.paths import Store

NO_CALLS_OUT = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_MODEL_CATALOG_URI": "", "DO_NOT_TRACK": "true"}
PATIENCE = {"MAX_RETRIES": "2", "BACKOFF_FACTOR": "1", "TIMEOUT": "30"}
"""Limits of one call to a server, which by default repeats for four minutes; `retry_unreachable` repeats calls."""
os.environ.update(NO_CALLS_OUT)
for name, value in PATIENCE.items():
    os.environ.setdefault(f"MLFLOW_HTTP_REQUEST_{name}", value)

from mlflow import MlflowClient  # noqa: E402  # reads the environment while it is imported
from mlflow.entities import (  # noqa: E402
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    Param,
    Run,
    RunTag,
)
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH as DEFAULT_ARTIFACTS  # noqa: E402

__all__ = [
    "MLFLOW_SCHEMA",
    "Dataset",
    "DatasetInput",
    "InputTag",
    "LoggedModelOutput",
    "LoggedModelStatus",
    "Metric",
    "MlflowClient",
    "MlflowException",
    "Param",
    "Run",
    "RunTag",
    "client_of",
    "metrics",
    "quiet_migrations",
    "runs_of",
    "runs_tagged",
    "runs_where",
    "send",
]

logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # it logs the exceptions that it raises

RUNS_A_PAGE = 1_000
FIRST_FIRST = "attributes.start_time ASC"
METRICS_A_BATCH, PARAMS_A_BATCH = 900, 100  # MLflow takes 1,000 of everything together, 100 parameters
LONGEST_KEY, LONGEST_PARAM, LONGEST_TAG = 250, 6000, 8000
NO_KEY = re.compile(r"[^\w\-. :/]", re.ASCII)  # characters that MLflow refuses in a metric's name
AWAY = ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED")
"""Codes of errors of a database or a server that cannot be reached now."""


def _create(url: str) -> None:
    """Create MLflow's tables and its experiment "Default", which two processes would otherwise create at once."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # noqa: PLC0415  # slow, and rarely needed

    try:
        with quiet_migrations():
            SqlAlchemyStore(url, DEFAULT_ARTIFACTS).engine.dispose()  # type: ignore[no-untyped-call]  # MLflow's
    except MlflowException as error:
        raise RuntimeError(str(error)) from error


def _upgrade(url: str) -> None:
    """Upgrade MLflow's tables by the command that MLflow documents, in a process that leaves nothing open."""
    command = [sys.executable, "-m", "mlflow", "db", "upgrade", url]
    upgraded = subprocess.run(  # noqa: S603  # a fixed command of this interpreter
        command, capture_output=True, text=True, check=False, start_new_session=True
    )
    if upgraded.returncode != 0:
        raise RuntimeError((upgraded.stderr.strip() or upgraded.stdout.strip()).rpartition("\n")[2])


MLFLOW_SCHEMA = DatabaseSchema(
    program="MLflow",
    package="mlflow",
    migrations="store/db_migrations",
    first_table="experiments",
    rows_without_results={"experiments": 1, "workspaces": 1},
    create=_create,
    upgrade=_upgrade,
    upgrade_command="mlflow db upgrade {url}",
)


def client_of(store: Store) -> MlflowClient:
    """Return a client of the store's database or server. Raises OtherSchemaError for a database of another version."""
    if not store.mlflow_is_a_server:
        refuse_other_schema(MLFLOW_SCHEMA, store.mlflow_url)
    return MlflowClient(tracking_uri=store.mlflow_url)


def metrics(values: Mapping[tuple[str, int], float]) -> list[Metric]:
    """Return numbers as metrics of this moment, by name and step."""
    now = time.time_ns() // 1_000_000
    return [Metric(key, float(value), now, int(step)) for (key, step), value in values.items()]


def send(client: MlflowClient, run_id: str, numbers: Sequence[Metric], tags: Sequence[RunTag] = ()) -> None:
    """Log any number of metrics in batches that MLflow takes, and the tags with the last one."""
    for first in range(0, max(len(numbers), 1), METRICS_A_BATCH):
        last = first + METRICS_A_BATCH >= len(numbers)
        client.log_batch(run_id, metrics=numbers[first : first + METRICS_A_BATCH], tags=tags if last else ())


def runs_where(client: MlflowClient, experiment: str, condition: str) -> list[Run]:
    """Return all runs of an experiment that meet a condition, the first ones first."""
    runs: list[Run] = []
    page = None
    while page != "":
        batch = client.search_runs(
            [experiment], condition, max_results=RUNS_A_PAGE, order_by=[FIRST_FIRST], page_token=page
        )
        runs += batch
        page = batch.token or ""
    return runs


def runs_tagged(client: MlflowClient, experiment: str, name: str, value: str, also: str = "") -> list[Run]:
    """Return all runs with a value of a tag of this project, in either spelling, the first ones first.

    `also` is a further condition.
    """
    further = f" and {also}" if also else ""
    runs = {
        run.info.run_id: run
        for condition in conditions(name, value)
        for run in runs_where(client, experiment, condition + further)
    }
    return sorted(runs.values(), key=lambda run: run.info.start_time)


def runs_of(client: MlflowClient, experiment: str, run_id: str, label: str, also: str = "") -> list[Run]:
    """Return everything that shows one run: by its identity, or by the label that schema 1 used in its place."""
    labels = dict.fromkeys((run_id, label))
    runs = {run.info.run_id: run for name in labels for run in runs_tagged(client, experiment, RUN, name, also)}
    return list(runs.values())


@contextmanager
def quiet_migrations() -> Iterator[None]:
    """Suppress MLflow's messages about each migration of a database that it creates."""
    logger = logging.getLogger("alembic")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
