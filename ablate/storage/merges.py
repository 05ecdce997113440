"""Merges: a line on disk for every time that runs of another store or a bundle were added to a study."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from ablate.core.errors import DataError
from ablate.storage.atomic import whole_file
from ablate.storage.paths import StudyPaths


@dataclass(frozen=True)
class Merge:
    """One source that was merged: its name, the time, and the ids of the runs that came from it.

    `differences` has a sentence for every run that both had with different responses. `deviations` are sentences on
    what does not match the source's own plan or databases.
    """

    source: str
    at: str
    runs: tuple[str, ...]
    differences: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()


_LINE = TypeAdapter(Merge)


def merges(paths: StudyPaths) -> tuple[Merge, ...]:
    """Return every merge into a study, the oldest first. Raises DataError where the file is damaged."""
    if not paths.merges.exists():
        return ()
    try:
        return tuple(_LINE.validate_json(line) for line in paths.merges.read_bytes().splitlines())
    except (OSError, ValidationError) as error:
        raise DataError(
            f"{paths.merges} is damaged: a line is no merge; restore the file from a copy, or move it away (the report "
            "then no longer says which runs came from elsewhere)"
        ) from error


def add_merges(paths: StudyPaths, added: Sequence[Merge]) -> None:
    """Add lines to the file, all of them or none. Raises DataError as `merges`."""
    lines = [_LINE.dump_json(merge).decode() for merge in (*merges(paths), *added)]
    with whole_file(paths.merges) as path:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
