"""Where Optuna keeps trials and artifacts: the database of a store, and its folder of files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import optuna
from optuna.artifacts import FileSystemArtifactStore
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.exc import SQLAlchemyError

from ablate.core.errors import AblateError
from ablate.execution.database_creation import refuse_other_schema
from ablate.execution.database_schema import DatabaseSchema
from ablate.execution.sqlite_files import LOCK_SECONDS
from ablate.storage.atomic import whole_file
from ablate.storage.paths import Store

UNUSABLE = (SQLAlchemyError, StorageInternalError, RuntimeError)

optuna.logging.set_verbosity(optuna.logging.WARNING)


def trial_storage(store: Store) -> RDBStorage:
    """Open Optuna's database of a store, which `create_database` has made. Raises OtherSchemaError for an older one."""
    refuse_other_schema(OPTUNA_SCHEMA, store.optuna_url)
    return RDBStorage(store.optuna_url, engine_kwargs=_engine(store.optuna_url))


def _create(url: str) -> None:
    """Create Optuna's tables; those that exist stay."""
    RDBStorage(url, engine_kwargs=_engine(url)).engine.dispose()


def _upgrade(url: str) -> None:
    """Upgrade Optuna's tables, as `optuna storage upgrade` does."""
    storage = RDBStorage(url, engine_kwargs=_engine(url), skip_compatibility_check=True)
    storage.upgrade()
    storage.engine.dispose()


OPTUNA_SCHEMA = DatabaseSchema(
    program="Optuna",
    package="optuna",
    migrations="storages/_rdb/alembic",
    first_table="studies",
    rows_without_results={"version_info": 1},
    create=_create,
    upgrade=_upgrade,
    upgrade_command="optuna storage upgrade --storage {url}",
)


def _engine(url: str) -> dict[str, Any]:
    if url.startswith("sqlite:"):
        return {"connect_args": {"timeout": LOCK_SECONDS}}
    return {"pool_pre_ping": True}  # a server may have been restarted since the last call


@contextmanager
def usable(database: str) -> Iterator[None]:
    """Raise AblateError, with what to do, for a database that Optuna cannot use."""
    try:
        yield
    except UNUSABLE as error:
        reason = str(error).partition("\n")[0]
        raise AblateError(
            f"{database} cannot be used as Optuna's database ({reason}); close other programs that "
            "write to it, or move it away and run again: the results under studies/ are kept and read again"
        ) from error


class WholeFiles(FileSystemArtifactStore):
    """An artifact store whose files the dashboard finds complete or not at all."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._folder = folder

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Write an artifact under a temporary name, and move it to its own."""
        with whole_file(self._folder / artifact_id) as path:
            path.write_bytes(content_body.read())
