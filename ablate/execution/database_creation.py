"""Creates and upgrades the databases of MLflow and Optuna, so that a start that is killed leaves a usable store.

MLflow fills an empty database in some eighty steps, Optuna in a dozen. In a SQLite file each step is final, and a file
with some of them never opens again. So a file is made under a temporary name, and moved to its own once it is complete.
In PostgreSQL the steps are one transaction or can be repeated. One process at a time does this.
"""

import shlex
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import NullPool, create_engine, make_url, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from ablate.core.errors import AblateError
from ablate.execution.database_schema import DatabaseSchema, SchemaState
from ablate.execution.sqlite_files import (
    connect,
    copy_database,
    delete_database,
    free_name,
    replace_database,
    set_aside,
    sqlite_file,
    sqlite_url,
    unflushed,
)
from ablate.storage.paths import without_password

WAIT_SECONDS = 180.0  # creating both databases takes 3 s on an idle core, and a minute on a very busy one
LOCK = "databases.lock"
TAKE = text("SELECT pg_advisory_lock(hashtextextended('ablate creates the tables of a database', 0))")


class OtherSchemaError(AblateError):
    """A database has the tables of another version, and was not changed; the message says what to do."""

    exit_code = 2


def create_database(schema: DatabaseSchema, url: str, *, is_shared: bool) -> str | None:
    """Create a database that is missing or incomplete, and upgrade an older one after a backup.

    `is_shared` databases, which the environment names, may have other users: they are created, but never upgraded.
    Returns what was done to an existing file as a sentence, otherwise None. Raises OtherSchemaError where a person has
    to decide, and AblateError where a database cannot be read, written or locked.
    """
    file = sqlite_file(url)
    with _explained(schema, url):
        if schema.is_current(url):
            return None
        if file is None:
            _complete_on_server(schema, url)
            return None
        file.parent.mkdir(parents=True, exist_ok=True)
        with _only_process(file.parent / LOCK):
            return _complete_file(schema, url, file, is_shared=is_shared)


def refuse_other_schema(schema: DatabaseSchema, url: str) -> None:
    """Raise OtherSchemaError for an existing database that is not up to date, before its program changes it."""
    with _explained(schema, url):
        if schema.is_current(url):
            return
    raise OtherSchemaError(
        f"{without_password(url)} does not have the tables of {schema.installed}; ablate run creates or upgrades them"
    )


def _complete_file(schema: DatabaseSchema, url: str, file: Path, *, is_shared: bool) -> str | None:
    """Do the work of `create_database` for a file, while no other process does it."""
    temporary = file.with_name(f".new.{file.name}")
    delete_database(temporary)  # a process was killed while it made it
    state = schema.state(url) if file.exists() else None
    if state is None or not state.tables:
        _make(temporary, file, schema.create)
        return None
    if state.revision == schema.newest:  # another process made it while this one waited
        return None
    if state.revision is not None and state.revision not in schema.known:
        raise _unknown(schema, url, state)
    if not schema.is_begun(state):  # tables of another program, which stay
        copy_database(file, temporary)
        _make(temporary, file, schema.create)
        return None
    if not state.has_results:
        former = set_aside(file, "incomplete")
        _make(temporary, file, schema.create)
        return f"{file} was incomplete and had no results. It is now {former.name}, and a new database took its place."
    if is_shared:
        raise _older(schema, url, state)
    return _upgrade_copy(schema, temporary, file, state)


def _make(temporary: Path, file: Path, change: Callable[[str], None]) -> None:
    """Change the temporary database, which need not exist, and move it to its name."""
    try:
        with unflushed():
            change(sqlite_url(temporary))
    except BaseException:
        delete_database(temporary)
        raise
    replace_database(temporary, file)


def _upgrade_copy(schema: DatabaseSchema, temporary: Path, file: Path, state: SchemaState) -> str:
    """Upgrade a copy of a database with results; the database itself becomes the backup's source, then is replaced."""
    with closing(connect(file, "rw")) as writer:
        writer.execute("BEGIN IMMEDIATE")  # no other process writes what the copy would lack
        backup = free_name(file, f"before-{schema.package}-{schema.version}")
        copy_database(file, backup)
        copy_database(file, temporary)
        try:
            _make(temporary, file, schema.upgrade)
        except (SQLAlchemyError, RuntimeError) as error:
            backup.unlink()
            raise OtherSchemaError(
                f"{file} has tables of version {state.revision}, and {schema.installed} could not upgrade them "
                f"({_first_line(error)}). The file is unchanged. Install the version that made it, or move it away and "
                "run again: the results under studies/ are kept and read again"
            ) from error
    return (
        f"{file} had the tables of an older version and was upgraded by {schema.installed}. A backup is in {backup}. "
        "Servers that show this store must be started again."
    )


def _complete_on_server(schema: DatabaseSchema, url: str) -> None:
    """Create the tables in an empty database of a server, or those that a killed process did not create."""
    with _only_session(url):
        state = schema.state(url)
        if state.revision == schema.newest:
            return
        if state.revision in schema.known:
            raise _older(schema, url, state)
        if state.revision is not None:
            raise _unknown(schema, url, state)
        try:
            schema.create(url)
        except (SQLAlchemyError, RuntimeError) as error:
            if state.has_results or not state.tables:
                raise
            raise OtherSchemaError(
                f"{without_password(url)} is incomplete, and {schema.installed} could not finish it "
                f"({_first_line(error)}). No table has results. Run this command, which empties the database, and "
                f"repeat yours:\n{_emptying_command(url)}"
            ) from error


@contextmanager
def _only_process(lock: Path) -> Iterator[None]:
    """Hold the lock of a folder's databases; the operating system frees it if the process dies."""
    try:
        with FileLock(lock, timeout=WAIT_SECONDS):
            yield
    except Timeout:
        raise _locked(str(lock.parent)) from None


@contextmanager
def _only_session(url: str) -> Iterator[None]:
    """Hold the lock of a server's database; the server frees it when this process ends."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"SET lock_timeout = '{WAIT_SECONDS:.0f}s'"))
        try:
            connection.execute(TAKE)
        except OperationalError as error:
            raise _locked(without_password(url)) from error
        yield


@contextmanager
def _explained(schema: DatabaseSchema, url: str) -> Iterator[None]:
    """Raise AblateError, with what to do, for a database that cannot be read or written."""
    try:
        yield
    except (SQLAlchemyError, RuntimeError) as error:
        raise AblateError(
            f"{without_password(url)} cannot be used as {schema.program}'s database ({_first_line(error)}); close "
            "other programs that write to it, or move it away; then give the same command again: the results under "
            "studies/ are kept and read again"
        ) from error


def _locked(place: str) -> AblateError:
    return AblateError(
        f"{place}: another process has been creating the databases for {WAIT_SECONDS:.0f} seconds; wait until it ends, "
        "or stop it"
    )


def _older(schema: DatabaseSchema, url: str, state: SchemaState) -> OtherSchemaError:
    return OtherSchemaError(
        f"{without_password(url)} has {schema.program}'s tables of version {state.revision}; {schema.installed} needs "
        f"version {schema.newest}. Make a backup, and stop every program that uses the database. Then run this command "
        f"and repeat yours:\n{schema.command(url)}"
    )


def _unknown(schema: DatabaseSchema, url: str, state: SchemaState) -> OtherSchemaError:
    return OtherSchemaError(
        f"{without_password(url)} has tables of version {state.revision}, which {schema.installed} does not know. "
        f"If a newer {schema.program} made them, install it: pip install -U {schema.package}. If they belong to "
        "another program, name a database of its own"
    )


def _emptying_command(url: str) -> str:
    """Return the command line that drops every table; psql asks for the password."""
    address = make_url(url)
    bare = address.set(drivername=address.get_backend_name())._replace(password=None)
    target = bare.difference_update_query(["password"]).render_as_string(hide_password=False)
    return shlex.join(["psql", "--command", "DROP SCHEMA public CASCADE; CREATE SCHEMA public", target])


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
