"""Runs that a user excluded from the analysis: a line on disk for every exclusion, and for every one taken back.

Lines are only added. A hash chain over them (each link is the digest of the one before and of its line) lets a book
that holds the latest link notice when a line was edited or removed.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from ablate.core.errors import DataError
from ablate.storage.atomic import whole_file
from ablate.storage.paths import StudyPaths


@dataclass(frozen=True)
class Exclusion:
    """One run excluded from the analysis, or included again: its id and title, the reason, and the time.

    `results` is the number of the study's runs that had a result at that time.
    """

    run: str
    title: str
    change: Literal["exclude", "include"]
    because: str
    at: str
    results: int

    @property
    def is_excluding(self) -> bool:
        """Whether the run was excluded; if not, it was included again."""
        return self.change == "exclude"

    @property
    def is_after_results(self) -> bool:
        """Whether results may have been the reason: some run had one."""
        return self.results > 0

    @property
    def sentence(self) -> str:
        """The change for a reader."""
        how = "excluded from the analysis" if self.is_excluding else "included in the analysis again"
        results = f"{self.results} {'run' if self.results == 1 else 'runs'} had a result"
        when = f", when {results}" if self.is_after_results else ", before any run had a result"
        return f'The run "{self.title}" ({self.run}) was {how} on {self.at}{when}. Reason: {self.because}'


_LINE = TypeAdapter(Exclusion)


def exclusions(paths: StudyPaths) -> tuple[Exclusion, ...]:
    """Return every exclusion and inclusion of a study, the oldest first. Raises DataError where the file is damaged."""
    if not paths.exclusions.exists():
        return ()
    try:
        return tuple(_LINE.validate_json(line) for line in paths.exclusions.read_bytes().splitlines())
    except (OSError, ValidationError) as error:
        raise DataError(
            f"{paths.exclusions} is damaged: a line is no exclusion of a run; restore the file from a copy, or move it "
            "away and exclude the runs again (the report then says that the file was changed)"
        ) from error


def excluded_runs(paths: StudyPaths) -> dict[str, str]:
    """Return the reason of every run that is excluded now, by run id. Raises DataError as `exclusions`."""
    latest = {exclusion.run: exclusion for exclusion in exclusions(paths)}
    return {run: exclusion.because for run, exclusion in latest.items() if exclusion.is_excluding}


def add_exclusions(paths: StudyPaths, added: Sequence[Exclusion]) -> None:
    """Add lines to the file, all of them or none. Raises DataError as `exclusions`."""
    lines = [_LINE.dump_json(exclusion).decode() for exclusion in (*exclusions(paths), *added)]
    with whole_file(paths.exclusions) as path:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def exclusion_chain(paths: StudyPaths) -> tuple[str, ...]:
    """Return the link of every line, the oldest first; none without exclusions. Raises DataError as `exclusions`."""
    links: list[str] = []
    for exclusion in exclusions(paths):
        text = json.dumps([*links[-1:], asdict(exclusion)], sort_keys=True)
        links.append(hashlib.sha256(text.encode()).hexdigest())
    return tuple(links)
