"""looks.json: every look at a study's results, in the order in which it was taken. Looks are only added."""

import json
from collections.abc import Sequence
from typing import Any

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from ablate.core.errors import DataError
from ablate.storage.atomic import whole_file
from ablate.storage.paths import StudyPaths

LOCK_SECONDS = 60  # of waiting for another process that adds a look


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LookedAtTest(_Plain):
    """One hypothesis at a look: its adjusted p-value; in a sequential study its statistic and boundary too."""

    factors: tuple[str, ...]
    is_trend: bool = False
    p_adjusted: float | None
    statistic: float | None = None
    boundary: float | None = None


class RecordedLook(_Plain):
    """One look: when, at how many complete seeds of how many planned ones, and what it showed.

    `is_planned` says whether the plan foresaw it, and `stops` whether the study stopped there. `verdicts` are the words
    for the verdicts by factor. `plan` is the digest of the preregistered plan, None where there was none.
    """

    at: str
    seeds: int
    planned_seeds: int
    runs: int
    is_planned: bool
    stops: bool
    verdicts: dict[str, str]
    tests: tuple[LookedAtTest, ...]
    plan: str | None

    def shows_the_same_as(self, look: "RecordedLook") -> bool:
        """Return whether two looks differ in nothing but their time."""
        return self.model_copy(update={"at": look.at}) == look


_LOOKS = TypeAdapter(tuple[RecordedLook, ...])


def recorded_looks(paths: StudyPaths) -> tuple[RecordedLook, ...]:
    """Return the looks of a study, the oldest first. Raises DataError where the file cannot be read."""
    if not paths.looks.exists():
        return ()
    try:
        tree: Any = json.loads(paths.looks.read_text(encoding="utf-8"))
        return _LOOKS.validate_python(tree["looks"])
    except (OSError, ValueError, TypeError, KeyError, ValidationError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise DataError(
            f"{paths.looks} cannot be read ({reason}); it lists every look at the results: restore it, for example "
            "from the study's artifacts in MLflow"
        ) from error


def add_look(paths: StudyPaths, look: RecordedLook) -> tuple[RecordedLook, ...]:
    """Add a look, unless an equal one is recorded already, and return all looks. Raises DataError."""
    paths.folder.mkdir(parents=True, exist_ok=True)
    with FileLock(paths.looks.with_name(".looks.lock"), LOCK_SECONDS):  # a report may be written while a study runs
        looks = recorded_looks(paths)
        if any(look.shows_the_same_as(earlier) for earlier in looks):
            return looks
        _write(paths, (*looks, look))
    return (*looks, look)


def _write(paths: StudyPaths, looks: Sequence[RecordedLook]) -> None:
    tree = {"looks": [look.model_dump(mode="json") for look in looks]}
    with whole_file(paths.looks) as path:
        path.write_text(json.dumps(tree, indent=1) + "\n", encoding="utf-8")
