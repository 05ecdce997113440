"""Whether a file is the one its publisher made, by its MD5 sum."""

import hashlib
from functools import lru_cache, partial
from pathlib import Path


def md5_sum(path: Path) -> str:
    """Return the MD5 sum of a file in hexadecimal; it tells damage, and is no guard against forgery."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()


def remembered_md5_sum(path: Path) -> str:
    """Return the MD5 sum of a file, read by this process only once for each size and time of change."""
    state = path.stat()
    return _md5_sum(path.absolute(), state.st_size, state.st_mtime_ns)


@lru_cache
def _md5_sum(path: Path, _size: int, _changed: int) -> str:
    return md5_sum(path)
