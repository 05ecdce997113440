"""Files that are written whole or not at all, and outlast a loss of power."""

import os
import re
from pathlib import Path
from uuid import uuid4

LEFT_OVER = re.compile(r"\..+\.[0-9a-f]{32}")


class whole_file:  # noqa: N801  # reads as a statement: with whole_file(path) as temporary
    """Give a temporary name beside `path`, and move it there only if the block succeeds.

    Once the block has ended, the file outlasts a loss of power.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Path:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.temporary = self.path.with_name(f".{self.path.name}.{uuid4().hex}")
        return self.temporary

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            move_into_place(self.temporary, self.path)
        else:
            self.temporary.unlink(missing_ok=True)


def move_into_place(temporary: Path, path: Path) -> None:
    """Rename a complete file so that it outlasts a loss of power under its new name."""
    _flush(temporary)
    temporary.replace(path)
    _flush(path.parent)


def sweep(folder: Path) -> None:
    """Delete what `whole_file` left half written in a folder, where a process was killed."""
    for file in folder.glob(".*"):
        if LEFT_OVER.fullmatch(file.name):
            file.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Have a file, or a folder's list of names, on the disk itself."""
    if path.is_dir() and os.name != "posix":
        return  # Windows opens no folder, and keeps its names by itself
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
