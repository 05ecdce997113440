"""Whether a file is the one its publisher made, by its MD5 sum."""

import hashlib
from contextlib import suppress
from functools import partial
from pathlib import Path


def md5_sum(path: Path) -> str:
    """Return the MD5 sum of a file in hexadecimal; it tells damage, and is no guard against forgery."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()


def remembered_md5_sum(path: Path) -> str:
    """Return the MD5 sum of a file, read only once for each size and time of change.

    What was found is kept beside the file as `<name>.checked`; where nothing can be written, it is found anew.
    """
    note, state = path.with_name(f"{path.name}.checked"), path.stat()
    stamp = f"{state.st_size} {state.st_mtime_ns}"
    with suppress(OSError, ValueError):
        known, _, known_stamp = note.read_text().partition("  ")
        if known_stamp == stamp:
            return known
    found = md5_sum(path)
    with suppress(OSError):
        note.write_text(f"{found}  {stamp}")
    return found
