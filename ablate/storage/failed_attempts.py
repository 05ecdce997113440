"""Attempts at a run that gave no result: a line on disk for each, and how often each kind of failure is retried."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, final

from pydantic import TypeAdapter, ValidationError

from ablate.storage.paths import RunPaths

FailureKind = Literal["exception", "data", "out_of_memory", "timeout", "lost_worker", "preempted"]
"""The run raised; its data file is wrong; memory did not hold it; it took too long; its worker died; its worker got
SIGTERM."""

RETRIES: Mapping[FailureKind, int] = {
    "exception": 1,
    "data": 0,
    "out_of_memory": 1,
    "timeout": 1,
    "lost_worker": 3,
    "preempted": 10,
}
"""How often one start of a study repeats a run after each kind of failure, with the same seed.

A run that raised will likely raise again, and a file that is wrong stays wrong. A machine that was taken away says
nothing about the run.
"""


@dataclass(frozen=True)
class FailedAttempt:
    """One attempt at a run that gave no result; `message` is one line."""

    trial: int
    kind: FailureKind
    message: str


_LINE = TypeAdapter(FailedAttempt)


@final
class FailedAttempts:
    """Counts the failures of one start of a study, and writes each into the folder of its run."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, FailureKind]] = Counter()

    def note(self, run_id: str, attempt: FailedAttempt, paths: RunPaths) -> bool:
        """Write a failure down, and return whether the run may be retried."""
        paths.folder.mkdir(parents=True, exist_ok=True)
        with paths.failed_attempts.open("ab") as file:
            file.write(_LINE.dump_json(attempt) + b"\n")
        self._counts[run_id, attempt.kind] += 1
        return self._counts[run_id, attempt.kind] <= RETRIES[attempt.kind]


def failed_attempts(paths: RunPaths) -> tuple[FailedAttempt, ...]:
    """Return the failed attempts at a run over all starts, the oldest first; a line that a crash cut off is skipped."""
    lines = paths.failed_attempts.read_bytes().splitlines() if paths.failed_attempts.exists() else []
    return tuple(attempt for line in lines if (attempt := _attempt(line)) is not None)


def _attempt(line: bytes) -> FailedAttempt | None:
    try:
        return _LINE.validate_json(line)
    except ValidationError:
        return None
