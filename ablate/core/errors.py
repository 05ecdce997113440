"""Every error a user may meet, each with the exit code it ends the command with."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar


class AblateError(Exception):
    """Something failed for a reason that one line can say."""

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
    """Write a place as one reads it: base.model.filters[0]."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in loc).removeprefix(".")


class SpecError(AblateError):
    """A study file, or an override of it, is wrong; `faults` says where, where that is known."""

    exit_code = 2

    def __init__(self, message: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)

    @classmethod
    def of(cls, faults: Sequence[Fault]) -> "SpecError":
        """Make one error of every mistake, a line each."""
        return cls("\n".join(str(fault) for fault in faults), faults)


class OldNamesWarning(FutureWarning):
    """A file or an option uses names that stop working in the next minor version."""


class DesignError(AblateError):
    """A design cannot be laid out over the given factors."""

    exit_code = 2


class DataError(AblateError):
    """A data file is missing, damaged or not what it should be."""

    exit_code = 2


class TableError(AblateError):
    """A table of runs lacks a column, names a level that its factor does not have, or holds a run twice."""

    exit_code = 2


class DownloadError(AblateError):
    """A download did not arrive whole."""


class RunFailedError(AblateError):
    """One run of a study could not be finished."""


class AnalysisError(AblateError):
    """There is nothing, or too little, to analyze."""


def alternatives(word: object, known: Collection[str]) -> str:
    """End a sentence about an unknown word with the known word that is near, if one is, and with all of them."""
    return f"{did_you_mean(word, known)}; allowed: {', '.join(sorted(known))}"


def did_you_mean(word: object, known: Collection[str]) -> str:
    """Go on after an unknown word with the known word that is near; empty where none is."""
    near = get_close_matches(str(word), known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
