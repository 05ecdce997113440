"""Every error that a user may see, each with the exit code of the command."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar


class AblateError(Exception):
    """Something failed for a reason that fits on one line."""

    exit_code: ClassVar[int] = 1


Loc = tuple[str | int, ...]
"""A place in a study, key by key."""


@dataclass(frozen=True)
class Fault:
    """One mistake in a study: where, and what."""

    loc: Loc
    text: str

    def __str__(self) -> str:
        return f"{dotted(self.loc)}: {self.text}" if self.loc else self.text


def dotted(loc: Loc) -> str:
    """Return a place as text: base.model.filters[0]."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in loc).removeprefix(".")


class SpecError(AblateError):
    """A study file, or an override of it, is wrong. `faults` holds the places of the mistakes, if they are known."""

    exit_code = 2

    def __init__(self, message: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)

    @classmethod
    def of(cls, faults: Sequence[Fault]) -> "SpecError":
        """Return one error for all mistakes, one line each."""
        return cls("\n".join(str(fault) for fault in faults), faults)


class OldNamesWarning(FutureWarning):
    """A file or an option uses names that stop working in the next minor version."""


class DesignError(AblateError):
    """A design is not possible with the given factors."""

    exit_code = 2


class DataError(AblateError):
    """A data file is missing, damaged, or in the wrong format. `setting` is the key of the data that is at fault."""

    exit_code = 2

    def __init__(self, message: str, setting: str = "path") -> None:
        super().__init__(message)
        self.setting = setting


class TableError(AblateError):
    """A table of runs lacks a column, names a level that its factor does not have, or holds a run twice."""

    exit_code = 2


class DownloadError(AblateError):
    """A download is incomplete."""


class AnalysisError(AblateError):
    """There are no runs, or too few, to analyze."""


def alternatives(word: object, known: Collection[str]) -> str:
    """Return the end of an error about an unknown word: the most similar known word, if any, and all known words."""
    return f"{did_you_mean(word, known)}; allowed: {', '.join(sorted(known))}"


def did_you_mean(word: object, known: Collection[str]) -> str:
    """Return a question that names the most similar known word; empty if none is similar."""
    similar = get_close_matches(str(word), known, n=1)
    return f" (did you mean {similar[0]!r}?)" if similar else ""
