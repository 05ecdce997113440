"""Databases that are files: their path, whole copies of them, and how a new file takes the place of an old one."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Engine, event, make_url

from ablate.storage.atomic import move_into_place, whole_file

LOCK_SECONDS = 60  # a server of MLflow or Optuna's dashboard may be reading the file
JOURNALS = ("-journal", "-wal", "-shm")
"""Endings of the files in which SQLite keeps an unfinished transaction of a database."""


def sqlite_file(url: str) -> Path | None:
    """Return the file of a database, links followed; None for a database on a server or in memory."""
    address = make_url(url)
    path = address.database
    if address.get_backend_name() != "sqlite" or path in (None, "", ":memory:") or path.startswith("file:"):
        return None
    return Path(path).resolve()


def sqlite_url(file: Path) -> str:
    """Return SQLAlchemy's URL of a file."""
    return f"sqlite:///{file.absolute()}"


def connect(database: Path, mode: str) -> sqlite3.Connection:
    """Open an existing database without implicit transactions; `mode` is ro or rw."""
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode={mode}", LOCK_SECONDS, isolation_level=None, uri=True)


def copy_database(database: Path, target: Path) -> None:
    """Copy a database whole, with what its journal holds."""
    with whole_file(target) as path, closing(connect(database, "ro")) as source, closing(sqlite3.connect(path)) as copy:
        source.backup(copy)


@contextmanager
def unflushed() -> Iterator[None]:
    """Let new connections to SQLite leave the flushing to whoever moves the file to its place.

    Creating MLflow's tables then takes 2 s instead of 7 s: each of its steps would wait for the disk.
    """

    def skip_flushes(connection: object, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous=OFF")

    event.listen(Engine, "connect", skip_flushes)
    try:
        yield
    finally:
        event.remove(Engine, "connect", skip_flushes)


def replace_database(temporary: Path, database: Path) -> None:
    """Move a whole database to its name. A journal of the former file would change the new one, so it goes first."""
    delete_journals(database)
    move_into_place(temporary, database)


def set_aside(database: Path, word: str) -> Path:
    """Rename a database and its journals, as in mlflow.incomplete-1.db, and return the new name."""
    target = free_name(database, word)
    database.rename(target)
    for ending in JOURNALS:
        journal = database.with_name(database.name + ending)
        if journal.exists():
            journal.rename(target.with_name(target.name + ending))
    return target


def free_name(database: Path, word: str) -> Path:
    """Return the first name of this kind that is not in use: mlflow.WORD-1.db, mlflow.WORD-2.db, and so on."""
    number = 1
    while (name := database.with_name(f"{database.stem}.{word}-{number}{database.suffix}")).exists():
        number += 1
    return name


def delete_database(database: Path) -> None:
    """Delete a database that nobody needs, and its journals."""
    database.unlink(missing_ok=True)
    delete_journals(database)


def delete_journals(database: Path) -> None:
    """Delete the journals of a database that is gone, or about to be replaced."""
    for ending in JOURNALS:
        database.with_name(database.name + ending).unlink(missing_ok=True)
