"""One driver a study: the second is refused, and told who holds it."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ablate.errors import AblateError


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock for the length of the block; the operating system frees it if the process dies.

    Raises AblateError, naming the holder, where another process has it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = path.with_suffix(".holder")
    try:
        with FileLock(path, timeout=0):
            holder.write_text(f"process {os.getpid()} on {platform.node()}")
            yield
    except Timeout:
        who = holder.read_text() if holder.exists() else "another process"
        raise AblateError(f"this study is being run by {who}; wait for it, or stop it first") from None
