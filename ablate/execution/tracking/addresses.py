"""The addresses of artifacts in MLflow's database follow a store whose folder was moved or copied.

MLflow stores the absolute address of every artifact folder. In a moved store they name the old place; in a copied store
they name the original. They are compared with the store's folder at the start of a command, and rewritten in the
store's SQLite file. A database elsewhere may serve other stores too, so it is left as it is: an error says which
command changes it.
"""

import re
import shlex
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from sqlalchemy import NullPool, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from ablate.core.errors import AblateError
from ablate.execution.sqlite_files import connect, copy_database
from ablate.storage.paths import MLFLOW, Store, without_password

TESTED_MLFLOW = ("3.17",)
"""Versions of MLflow for which tests/test_moved_store.py holds that the columns below are all addresses."""
ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("trace_tags", "value"),
)
"""Columns of MLflow's database that hold addresses of files."""
EXPERIMENTS = """
    SELECT artifact_location FROM experiments WHERE artifact_location IS NOT NULL
"""
RUNS = """
    SELECT DISTINCT substr(artifact_uri, 1, length(artifact_uri) - length('/' || run_uuid || '/artifacts'))
    FROM runs WHERE artifact_uri LIKE '%/' || run_uuid || '/artifacts'
"""
TAGGED = """
    SELECT DISTINCT experiments.artifact_location FROM experiments
    JOIN runs ON runs.experiment_id = experiments.experiment_id
    JOIN tags ON tags.run_uuid = runs.run_uuid
    WHERE tags.key IN ('ablate.role', 'role') AND tags.value = 'study'
"""
ARTIFACTS = "artifacts"
BACKUPS = 3  # a folder with two addresses, as in a container, would otherwise add a backup at each change
BACKUP = re.compile(r"mlflow\.moved-(\d+)\.db")
Query = Callable[[str], Sequence[str]]


class StaleAddressesError(AblateError):
    """MLflow's database names another place of the store, and was not changed; the message says what to do."""

    exit_code = 2


@dataclass(frozen=True)
class Relocation:
    """Addresses that were rewritten: the former places of the store, the number of addresses, and the backup."""

    former: str
    root: Path
    addresses: int
    backup: Path

    @property
    def sentence(self) -> str:
        """What was done, for the user."""
        return (
            f"This store was moved or copied from {self.former} to {self.root}: {self.addresses} addresses "
            f"in MLflow's database now name its folder. A backup is in {self.backup}."
        )


def update_addresses(store: Store, studies: Sequence[str] = ()) -> Relocation | None:
    """Rewrite addresses that name another place of the store; None if there was nothing to do.

    `studies` are names of studies in addition to those in the store's folder. Raises StaleAddressesError where the
    database lies elsewhere, MLflow's version is not a tested one, or the file cannot be written. A database that cannot
    be read is left to the code that needs it.
    """
    if store.mlflow_is_a_server:
        return None  # it stores the artifacts too
    known = {*studies, *(files.folder.name for files in store.studies())}
    if store.mlflow is not None or store.mlflow_database.is_symlink():
        _refuse_elsewhere(store, known)
        return None
    if not store.mlflow_database.exists():
        return None
    try:
        with closing(connect(store.mlflow_database, "ro")) as connection:
            former = _former_folders(_sqlite_query(connection), store, known)
    except sqlite3.Error:
        return None
    if not former:
        return None
    _refuse_untested(former)
    try:
        return _rewrite(store, known)
    except (sqlite3.Error, OSError) as error:
        raise StaleAddressesError(
            f"{store.mlflow_database} names the former place {_places(former)} of this store, and cannot be changed to "
            f"{store.root} ({str(error).strip()}). Make the folder writable with free space for a backup; if the copy "
            "is incomplete, copy the store again while no command uses it"
        ) from error


def _former_folders(query: Query, store: Store, studies: set[str]) -> dict[str, Path]:
    """Return the former folders of the store: the text of their artifact folder as stored, and the folder itself."""
    tagged = set(query(TAGGED))
    former: dict[str, Path] = {}
    for location in dict.fromkeys((*query(EXPERIMENTS), *query(RUNS))):
        path, prefix = _path(location), location.rpartition("/")[0]
        if path is None or path.parent.name != ARTIFACTS or not (path.name in studies or location in tagged):
            continue
        if not _is_same_place(path.parent.parent, store.root):
            former[prefix] = path.parent.parent
    return former


def _path(address: str) -> Path | None:
    """Return the file that an address names; None for an address on another machine."""
    if address.startswith("/"):
        return Path(address)
    parts = urlsplit(address)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" and parts.netloc in ("", "localhost") else None


def _is_same_place(folder: Path, root: Path) -> bool:
    """Return whether two paths lead to one folder, perhaps through a link."""
    if folder == root:
        return True
    try:
        return folder.samefile(root)
    except OSError:
        return False


def _replacements(former: Mapping[str, Path], root: Path) -> dict[str, str]:
    """Return today's beginning of an address for every former one, the longest first.

    MLflow gives its experiment "Default" the folder mlruns/0 of the working folder, which is a store's by default.
    """
    pairs = {}
    for prefix, folder in former.items():
        pairs[prefix] = _written(prefix, root / ARTIFACTS)
        for default in (str(folder / "0"), (folder / "0").as_uri()):
            pairs[default] = _written(default, root / "0")
    return dict(sorted(pairs.items(), key=lambda pair: -len(pair[0])))


def _written(former: str, path: Path) -> str:
    """Return an address in the form of the former one: a path or a URI."""
    return str(path) if former.startswith("/") else path.as_uri()


def _rewrite(store: Store, studies: set[str]) -> Relocation | None:
    """Rewrite the addresses in one transaction, after a backup. Another process may have done it meanwhile: None."""
    database = store.mlflow_database
    _break_hard_links(store)
    with closing(connect(database, "rw")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        former = _former_folders(_sqlite_query(connection), store, studies)
        if not former:
            return None
        (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise sqlite3.DatabaseError(" ".join(state.split()))
        backup = _back_up(database)
        addresses = sum(
            connection.execute(_update(table, column, old, new)).rowcount
            for table, column in _existing(connection)
            for old, new in _replacements(former, store.root).items()
        )
        connection.commit()
    _delete_old_backups(store.root)
    return Relocation(_places(former), store.root, addresses, backup)


def _places(former: Mapping[str, Path]) -> str:
    return " and ".join(dict.fromkeys(map(str, former.values())))


def _sqlite_query(connection: sqlite3.Connection) -> Query:
    return lambda statement: [row[0] for row in connection.execute(statement)]


def _existing(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Yield the columns of addresses that the database has."""
    for table, column in ADDRESSES:
        names = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        if column in names:
            yield table, column


def _update(table: str, column: str, old: str, new: str) -> str:
    """Return the statement that replaces the beginning of the addresses in a column; SQLite and PostgreSQL take it."""
    beginning, replacement = (value.replace("'", "''") for value in (f"{old}/", new))
    return (
        f"UPDATE {table} SET {column} = '{replacement}' || substr({column}, {len(old) + 1}) "  # noqa: S608  # quoted
        f"WHERE substr({column} || '/', 1, {len(old) + 1}) = '{beginning}'"
    )


def _count(table: str, column: str) -> str:
    return f"SELECT count(*) FROM {table} WHERE substr({column} || '/', 1, :length) = :start"  # noqa: S608  # constants


def _break_hard_links(store: Store) -> None:
    """Give the store files of its databases that no copy shares: `cp -al` copies names, not files."""
    for database in (store.mlflow_database, store.optuna_database):
        if database.exists() and database.stat().st_nlink > 1:
            copy_database(database, database)


def _back_up(database: Path) -> Path:
    number = max(_backups(database.parent), default=0) + 1
    backup = database.with_name(f"mlflow.moved-{number}.db")
    copy_database(database, backup)
    return backup


def _backups(root: Path) -> dict[int, Path]:
    """Return the backups in a store by number, the oldest first."""
    names = ((BACKUP.fullmatch(file.name), file) for file in root.glob("mlflow.moved-*.db"))
    return dict(sorted((int(match[1]), file) for match, file in names if match))


def _delete_old_backups(root: Path) -> None:
    for file in list(_backups(root).values())[:-BACKUPS]:
        file.unlink(missing_ok=True)


def _refuse_untested(former: Mapping[str, Path]) -> None:
    installed = version("mlflow")
    if installed.startswith(tuple(f"{tested}." for tested in TESTED_MLFLOW)):
        return
    tested = ", ".join(TESTED_MLFLOW)
    raise StaleAddressesError(
        f"this store was moved or copied from {_places(former)}, and the addresses in its mlflow.db must follow; found "
        f"MLflow {installed}, tested: {tested}. Install a tested one (pip install 'mlflow=={TESTED_MLFLOW[-1]}.*'), "
        "give the same command again, then install yours again; or move the store back"
    )


def _refuse_elsewhere(store: Store, studies: set[str]) -> None:
    """Raise StaleAddressesError, with the command that rewrites them, for addresses in a database elsewhere."""
    url = store.mlflow or f"sqlite:///{store.mlflow_database.resolve()}"
    engine = create_engine(url, poolclass=NullPool)
    try:
        if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists():
            return  # connecting would create it
        with engine.connect() as connection:
            former = _former_folders(lambda query: list(connection.scalars(text(query))), store, studies)
            if not former:
                return
            updates = [
                _update(table, column, old, new)
                for old, new in _replacements(former, store.root).items()
                for table, column in ADDRESSES
                if connection.scalar(text(_count(table, column)), {"length": len(old) + 1, "start": f"{old}/"})
            ]
    except SQLAlchemyError:
        return  # no tables yet, or unreachable: the tracker says so
    raise StaleAddressesError(
        f"{without_password(url)} has artifacts of this store's studies in {_places(former)}, "
        f"but the store is {store.root}. If the store was moved, run this command, then repeat yours:\n"
        f"{_shell_command(url, updates)}\n"
        f"If it is a copy, or another store uses the same database, set {MLFLOW} to a database of its own"
    )


def _shell_command(url: str, updates: Sequence[str]) -> str:
    """Return the command line that makes all updates or none."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        return shlex.join(["sqlite3", str(address.database), "; ".join(["BEGIN", *updates, "COMMIT"])])
    bare = address.set(drivername="postgresql")._replace(password=None).difference_update_query(["password"])
    return shlex.join(["psql", "--single-transaction", "--command", "; ".join(updates), bare.render_as_string()])
