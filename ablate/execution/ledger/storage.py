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
from ablate.storage.atomic import whole_file
from ablate.storage.paths import Store

LOCK_SECONDS = 60  # the dashboard may be reading the database
UNUSABLE = (SQLAlchemyError, StorageInternalError, RuntimeError)

optuna.logging.set_verbosity(optuna.logging.WARNING)


def trial_storage(store: Store) -> RDBStorage:
    """Open Optuna's database of a store; its tables are created where it has none."""
    return RDBStorage(store.optuna_url, engine_kwargs=_engine(store.optuna_url))


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
