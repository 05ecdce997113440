"""The tables that a program expects in its database: which version of them a database has, and whether it has results.

MLflow and Optuna number their versions with Alembic, which keeps the number in the table `alembic_version`. Both write
it last, so a database with the newest number is complete.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from shlex import quote

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, inspect, literal, make_url, select, table

from ablate.execution.sqlite_files import LOCK_SECONDS, sqlite_file

VERSION_TABLE = "alembic_version"
BEING_REBUILT = "_alembic_tmp_"  # what the name of a table begins with while Alembic rebuilds it on SQLite
HIDDEN = "PASSWORD"


@dataclass(frozen=True)
class SchemaState:
    """What a database holds: the number of its version, None without one; its tables; whether it has results."""

    revision: str | None
    tables: frozenset[str]
    has_results: bool


@dataclass(frozen=True)
class DatabaseSchema:
    """The tables of one program, and how they are created and upgraded.

    `first_table` is created before all others. `rows_without_results` counts the rows that a program writes by itself,
    by table. `create` makes all tables in an empty or incomplete database; `upgrade` brings older ones up to date.
    `upgrade_command` is what a person calls, with {url} for the address.
    """

    program: str
    package: str
    migrations: str
    first_table: str
    rows_without_results: Mapping[str, int]
    create: Callable[[str], None]
    upgrade: Callable[[str], None]
    upgrade_command: str

    @property
    def installed(self) -> str:
        """The program and its installed version."""
        return f"{self.program} {self.version}"

    @property
    def version(self) -> str:
        """The installed version of the program."""
        return version(self.package)

    @cached_property
    def newest(self) -> str:
        """The number of the tables that the installed version needs."""
        return str(self._scripts.get_current_head())

    @cached_property
    def known(self) -> frozenset[str]:
        """The numbers of this and all older tables."""
        return frozenset(script.revision for script in self._scripts.walk_revisions())

    @cached_property
    def _scripts(self) -> ScriptDirectory:
        package = find_spec(self.package)
        if package is None or package.origin is None:
            raise ModuleNotFoundError(self.package)
        return ScriptDirectory(str(Path(package.origin).parent / self.migrations))

    def is_current(self, url: str) -> bool:
        """Return whether a database has the tables that the installed version needs."""
        file = sqlite_file(url)
        if file is not None and not file.exists():
            return False  # connecting would create it
        engine = create_engine(url, poolclass=NullPool, connect_args=_patience(url))
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision() == self.newest

    def state(self, url: str) -> SchemaState:
        """Return what an existing database holds."""
        engine = create_engine(url, poolclass=NullPool, connect_args=_patience(url))
        with engine.connect() as connection:
            revision = MigrationContext.configure(connection).get_current_revision()
            tables = frozenset(inspect(connection).get_table_names())
            has_results = any(self._has_results(connection, name) for name in tables - {VERSION_TABLE})
        return SchemaState(revision, tables, has_results)

    def _has_results(self, connection: Connection, name: str) -> bool:
        """Return whether a table has more rows than the program writes by itself."""
        expected = self.rows_without_results.get(name, 0)
        rows = connection.execute(select(literal(1)).select_from(table(name)).limit(expected + 1))
        return len(rows.all()) > expected

    def is_begun(self, state: SchemaState) -> bool:
        """Return whether the program has created any of its tables."""
        return self.first_table in {name.removeprefix(BEING_REBUILT) for name in state.tables}

    def command(self, url: str) -> str:
        """Return the command line that upgrades the tables, without the password."""
        return self.upgrade_command.format(url=quote(hide_password(url)))


def hide_password(url: str) -> str:
    """Return an address in which a word stands for the password, so that the command can be completed."""
    address = make_url(url)
    if address.password is not None:
        address = address.set(password=HIDDEN)
    if "password" in address.query:
        address = address.update_query_dict({"password": HIDDEN})
    return address.render_as_string(hide_password=False)


def _patience(url: str) -> dict[str, int]:
    return {"timeout": LOCK_SECONDS} if url.startswith("sqlite:") else {}
