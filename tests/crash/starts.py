"""First starts of a study that are killed while they make their databases, and what the next start of each does."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import optuna
from mlflow import MlflowClient
from sqlalchemy import NullPool, create_engine, inspect, text

from ablate.core.errors import AblateError
from ablate.execution.bookkeeping import Bookkeeping
from ablate.execution.databases import create_databases
from ablate.execution.ledger.ledger import Ledger
from ablate.execution.lock import held, held_on_server
from ablate.execution.tracking.mlflow import MLflowTracker
from ablate.storage.paths import Store
from ablate.study import StudySpec
from tests.crash.misbehavior import finished_record

LOADED = ["tests.crash.starts", "mlflow.store.tracking.sqlalchemy_store", "alembic.command"]
"""Loaded before a start begins, so that all its time goes into the databases."""
SECONDS = 240  # of a start that is not killed, on a very busy machine


@dataclass(frozen=True)
class KilledStart:
    """One start that was killed: when, what it left, and what the next start did."""

    after: float
    left: str
    next_start: str
    seconds: float
    books_agree: bool


def kill_starts(study: StudySpec, stores: Iterator[Store], delays: list[float]) -> list[KilledStart]:
    """Kill one first start in each new store, so many seconds after it opened the first database, and start again."""
    return [_killed(study, next(stores), delay) for delay in delays]


def _killed(study: StudySpec, store: Store, delay: float) -> KilledStart:
    for planned_run in study.planned_runs:  # results that a start must not lose
        finished_record(planned_run, diverged=False, value=0.25).save(store.study(study.name).run(planned_run.id))
    start = begin(study, store)
    start.await_opening()
    time.sleep(delay)
    start.process.kill()
    start.process.join()
    left, began = _left(store), time.monotonic()
    outcome = begin(study, store).await_end()
    return KilledStart(delay, left, outcome, time.monotonic() - began, _books_agree(study, store))


@dataclass(frozen=True)
class Start:
    """A process that makes the databases and enters every record, and its messages."""

    process: BaseProcess
    messages: Connection

    def await_opening(self) -> None:
        """Wait until the process is about to open the first database."""
        assert self.messages.poll(SECONDS)
        assert self.messages.recv() == "opening"

    def await_end(self) -> str:
        """Return what a start said at its end."""
        self.await_opening()
        assert self.messages.poll(SECONDS)
        outcome: str = self.messages.recv()
        self.process.join(SECONDS)
        return outcome


def begin(study: StudySpec, store: Store) -> Start:
    context = get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    messages, sender = context.Pipe(duplex=False)
    process = context.Process(target=_start, args=(study, store, sender))
    process.start()
    sender.close()
    return Start(process, messages)


def _start(study: StudySpec, store: Store, sender: Connection) -> None:
    sender.send("opening")
    try:
        with held(store.study(study.name).lock), held_on_server(store.optuna_url, study.name):
            sentences = create_databases(store)
            ledger, tracker = Ledger.open(store, study), MLflowTracker(store)
            Bookkeeping(study, store.study(study.name), ledger, tracker).open()
            tracker.close(store.study(study.name), "", complete=True)
            settled = len(ledger.settled())
    except AblateError as error:
        sender.send(f"error: {error}")
    else:
        sender.send(" ".join((*sentences, f"{settled} of {len(study.planned_runs)} runs")))


def _left(store: Store) -> str:
    """Return in a few words what a killed start left of its databases."""
    if store.optuna is not None:
        return ", ".join(_tables(name, url) for name, url in (("Optuna", store.optuna), ("MLflow", store.mlflow)))
    names = (".new.optuna.db", "optuna.db", ".new.mlflow.db", "mlflow.db")
    sizes = {name: (store.root / name).stat().st_size // 1024 for name in names if (store.root / name).exists()}
    return ", ".join(f"{name} {size} kB" for name, size in sizes.items()) or "no database"


def _tables(name: str, url: str | None) -> str:
    engine = create_engine(str(url), poolclass=NullPool)
    with engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        numbered = "alembic_version" in tables and connection.scalar(text("SELECT count(*) FROM alembic_version"))
    return f"{name} {len(tables)} tables{' and a version' if numbered else ''}"


def _books_agree(study: StudySpec, store: Store) -> bool:
    """Return whether both books hold every run exactly once."""
    expected = Counter(planned_run.id for planned_run in study.planned_runs)
    trials = optuna.load_study(study_name=study.name, storage=store.optuna_url).get_trials()
    settled = Counter(trial.user_attrs["run"] for trial in trials if trial.state.name == "COMPLETE")
    client = MlflowClient(store.mlflow_url)
    experiment = client.get_experiment_by_name(study.name)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], "tags.`ablate.role` = 'run' and status = 'FINISHED'")
    client._tracking_client.store.engine.dispose()
    return settled == expected == Counter(run.data.tags["ablate.run"] for run in runs)


def table_text(starts: list[KilledStart]) -> str:
    """Return one line for each killed start."""
    rows = [f"{'killed after':>12}  {'left':48}  {'next start':24}  {'took':>6}  books"]
    for start in starts:
        books = "agree" if start.books_agree else "DIFFER"
        rows.append(f"{start.after:10.2f} s  {start.left:48}  {start.next_start:24}  {start.seconds:4.1f} s  {books}")
    return "\n".join(rows)


def file_stores(folder: Path) -> Iterator[Store]:
    """Yield new stores whose databases are files."""
    number = 0
    while True:
        yield Store(folder / f"store-{number}")
        number += 1


def server_stores(folder: Path, new_database: Callable[[], str]) -> Iterator[Store]:
    """Yield new stores with two new databases on a server."""
    for store in file_stores(folder):
        yield Store(store.root, new_database(), new_database())
