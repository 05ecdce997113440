"""Attempts at a run that gave no result: by kind, how often each is made again, and a line on disk for every one."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Literal, final, get_args

from ablate.storage.paths import RunPaths

FailureKind = Literal["exception", "out_of_memory", "timeout", "lost_worker", "preempted"]
"""The run raised; memory did not hold it; it took too long; its worker died; its worker was told to go."""

AGAIN: Mapping[FailureKind, int] = {
    "exception": 1,
    "out_of_memory": 1,
    "timeout": 1,
    "lost_worker": 3,
    "preempted": 10,
}
"""So often, within one start of a study, a point is tried again after such a failure, with the same seed.

What the run itself did it will likely do again; a machine that was taken away says nothing about the run.
"""


@final
class FailedAttempts:
    """Counts the failures of one start of a study, and keeps each on disk beside what its run leaves."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, FailureKind]] = Counter()

    def note(self, run_id: str, kind: FailureKind, message: str, trial: int, paths: RunPaths) -> bool:
        """Keep a failure, and return whether the point may be tried again."""
        paths.folder.mkdir(parents=True, exist_ok=True)
        with paths.failed_attempts.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"trial": trial, "kind": kind, "message": message}) + "\n")
        self._counts[run_id, kind] += 1
        return self._counts[run_id, kind] <= AGAIN[kind]


def failed_attempts(paths: RunPaths) -> Counter[str]:
    """Count the failures of a run by kind, over all starts. A line that a crash cut off counts for nothing."""
    found: Counter[str] = Counter()
    if paths.failed_attempts.exists():
        for line in paths.failed_attempts.read_text(encoding="utf-8", errors="replace").splitlines():
            if (kind := _kind(line)) in get_args(FailureKind):
                found[kind] += 1
    return found


def _kind(line: str) -> str:
    try:
        return str(json.loads(line)["kind"])
    except (ValueError, TypeError, KeyError):
        return ""
