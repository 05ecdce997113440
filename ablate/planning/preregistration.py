"""The plan as it stood when the study started, and what was changed after that.

plan.json holds the frozen part of the plan, its SHA-256 digest, the date, and every later change in the order in which
it was made. The frozen part is never written over: a changed plan shows as deviations.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ablate.core.errors import DataError
from ablate.inference.hypotheses import family
from ablate.planning.unmeasured import unmeasured
from ablate.storage.atomic import whole_file
from ablate.storage.paths import StudyPaths
from ablate.study import StudySpec, level_name

Value = str | int | float | bool | list[Any] | None
FrozenPart = Mapping[str, Value]
"""Every setting by its path, as in analysis.alpha or factors.model.activation.levels; None where there is none."""

LEFT_OUT: dict[str, Any] = {
    "name": True,
    "budget": True,
    "resources": True,
    "probes": True,
    "base": {"seed"},
    "analysis": {"sd"},
    "factors": {"__all__": {"title", "labels"}},
}
"""What changes no result and no verdict."""


@dataclass(frozen=True)
class Change:
    """A setting that is not as it was before: its path, both values, and the start of the study that had it first."""

    what: str
    before: Value
    after: Value
    since: str

    @property
    def sentence(self) -> str:
        """The change for a reader."""
        return f"{self.what} was changed from {_written(self.before)} to {_written(self.after)} ({self.since})."


@dataclass(frozen=True)
class FrozenPlan:
    """What plan.json holds. `note` says what was wrong with an earlier one that this one replaced."""

    frozen_at: str
    digest: str
    plan: FrozenPart
    changes: tuple[Change, ...] = ()
    note: str | None = None

    @property
    def latest(self) -> FrozenPart:
        """The settings of the latest start."""
        return {**self.plan, **{change.what: change.after for change in self.changes}}


def freeze(paths: StudyPaths, study: StudySpec) -> None:
    """Write the plan to the study's folder at its first start; at a later one, add what has changed since the last.

    A plan.json that is damaged is moved aside, and the plan is frozen anew with a note of that.
    """
    part, now = preregistered_part(study), f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    try:
        earlier = read(paths)
    except DataError as error:
        paths.plan.replace(paths.damaged_plan)
        note = f"The plan frozen first is lost: {error}. It was frozen anew on {now}, and the damaged file kept."
        _write(paths, FrozenPlan(now, digest(part), part, note=note))
        return
    if earlier is None:
        _write(paths, FrozenPlan(now, digest(part), part))
    elif changes := tuple(_changes(earlier.latest, part, f"since the start of {now}")):
        _write(paths, replace(earlier, changes=(*earlier.changes, *changes)))


def deviations(paths: StudyPaths, study: StudySpec) -> tuple[str, ...]:
    """Return a sentence for everything in which the study is not, or was not always, as its frozen plan says.

    There are none where no plan was frozen, and one where plan.json is damaged. Never raises for what is in the file.
    """
    try:
        frozen = read(paths)
    except DataError as error:
        return (f"The frozen plan is lost: {error}. The next `ablate run` freezes it anew.",)
    if frozen is None:
        return ()
    pending = _changes(frozen.latest, preregistered_part(study), "since the latest start")
    note = (frozen.note,) if frozen.note else ()
    return (*note, *(change.sentence for change in (*frozen.changes, *pending)))


def digest_tag(paths: StudyPaths) -> dict[str, str]:
    """Return the digest of the frozen plan as a tag for trackers; none where no plan can be read."""
    try:
        frozen = read(paths)
    except DataError:
        return {}
    return {"plan.digest": frozen.digest} if frozen else {}


def read(paths: StudyPaths) -> FrozenPlan | None:
    """Return the frozen plan, None where there is none.

    Raises DataError where the file is damaged, or its plan is not the one that its digest was taken of.
    """
    if not paths.plan.exists():
        return None
    try:
        held = json.loads(paths.plan.read_text(encoding="utf-8"))
        found = FrozenPlan(**held | {"changes": tuple(Change(**change) for change in held["changes"])})
        if found.digest == digest(found.plan):
            return found
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{paths.plan} cannot be read ({type(error).__name__}: {error})") from error
    raise DataError(f"{paths.plan} was edited: its plan is not the one of its digest")


def preregistered_part(study: StudySpec) -> FrozenPart:
    """Return what is fixed before the first result.

    That is the question, the response, the base run, factors, design, seeds, how verdicts are reached, every hypothesis
    that is tested, and whether the study is exploratory.
    """
    found = family(unmeasured(study, len(study.seeds)), study.settings).tested
    hypotheses: list[Any] = [" x ".join(own.factors) for own in found]
    settings = study.model_dump(mode="json", exclude=LEFT_OUT)
    return dict(_flat(settings)) | {"hypotheses": hypotheses, "family": len(found)}


def digest(part: FrozenPart) -> str:
    """Return the SHA-256 digest of a frozen part: equal settings give equal digests."""
    return hashlib.sha256(json.dumps(part, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _flat(block: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Value]]:
    for key, value in block.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield above + key, value


def _changes(before: FrozenPart, after: FrozenPart, since: str) -> Iterator[Change]:
    for what in dict.fromkeys((*before, *after)):
        if before.get(what) != after.get(what):
            yield Change(what, before.get(what), after.get(what), since)


def _written(value: Value) -> str:
    return ", ".join(map(level_name, value)) if isinstance(value, list) else level_name(value)


def _write(paths: StudyPaths, plan: FrozenPlan) -> None:
    with whole_file(paths.plan) as path:
        path.write_text(json.dumps(asdict(plan), indent=1) + "\n", encoding="utf-8")
