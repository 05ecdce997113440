"""A lock for the one driver of a study; a second driver gets an error that names the holder."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import NullPool, create_engine, text

from ablate.core.errors import AblateError

SERVERS = ("postgresql",)
TAKE = text("SELECT pg_try_advisory_lock(hashtextextended(:study, 0))")
HOLDER = text(
    "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted "
    "AND (classid::bigint << 32 | objid::bigint) = hashtextextended(:study, 0)"
)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock during the block; the operating system frees it if the process dies.

    Raises AblateError, naming the holder, where another process has it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = path.with_suffix(".holder")
    try:
        with FileLock(path, timeout=0):
            holder.write_text(_this_process())
            yield
    except Timeout:
        raise _refused(holder.read_text() if holder.exists() else "another process") from None


@contextmanager
def held_on_server(url: str, study: str) -> Iterator[None]:
    """Hold a study's lock on the database server that several machines share; a database file needs only `held`.

    The server frees the lock when this process or the server ends. Raises AblateError, naming the holder, where another
    process has it.
    """
    if not url.startswith(SERVERS):
        yield
        return
    engine = create_engine(
        url, poolclass=NullPool, connect_args={"application_name": f"ablate, {_this_process()}"[:63]}
    )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.scalar(TAKE, {"study": study}):
            holder = connection.scalar(HOLDER, {"study": study})
            raise _refused(str(holder or "another process").removeprefix("ablate, "))
        yield


def _this_process() -> str:
    return f"process {os.getpid()} on {platform.node()}"


def _refused(holder: str) -> AblateError:
    return AblateError(f"{holder} runs this study now; wait until it ends, or stop it")
