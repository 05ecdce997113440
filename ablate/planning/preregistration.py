"""The preregistered plan of a study: its settings at the first start, and every later change of them.

plan.json holds the plan, its SHA-256 digest, the date, and every later change in the order in which it was made. The
plan is never overwritten: a changed study shows as deviations from it. A plan of an older schema is compared in the
names and defaults of today, so that a new version of Ablate is no deviation.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ablate.core.errors import DataError, SpecError
from ablate.planning.planned_table import planned_family
from ablate.storage.atomic import whole_file
from ablate.storage.paths import StudyPaths
from ablate.storage.records import SCHEMA
from ablate.study import StudySpec, level_name
from ablate.study.schema import NUMBER, current_path, rename_within, schema_number
from ablate.study.schema_upgrade import upgrade_study

Value = str | int | float | bool | list[Any] | None
Settings = Mapping[str, Value]
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
"""Settings that change no result and no verdict."""
PAIR = " x "
LOOKS = {
    "looks.at": "after each seed",
    "looks.spending": "linear: alpha x seeds / all seeds",
    "looks.stop": "with --until-decided, once every factor and every pair that the study names has a verdict",
}
"""What a study with a range of seeds fixes beside the range, before its first result."""


@dataclass(frozen=True)
class PlanChange:
    """A setting that differs from the plan: its path, both values, and the first start of the study that had it."""

    setting: str
    before: Value
    after: Value
    since: str

    @property
    def sentence(self) -> str:
        """The change for a reader."""
        return f"{self.setting} was changed from {_written(self.before)} to {_written(self.after)} ({self.since})."


@dataclass(frozen=True)
class PreregisteredPlan:
    """What plan.json holds. `note` says what was wrong with an earlier plan.json that this one replaced."""

    preregistered_at: str
    digest: str
    plan: Settings
    changes: tuple[PlanChange, ...] = ()
    note: str | None = None
    schema: int = SCHEMA

    @property
    def latest(self) -> Settings:
        """The settings of the latest start, in the names and defaults of today. Raises SpecError."""
        plan = _current(self.plan, self.schema)
        for change in self.changes:
            plan = {**plan, **_current({change.setting: change.after}, SCHEMA)}
        return plan


def preregister(paths: StudyPaths, study: StudySpec) -> None:
    """Write the plan to the study's folder at its first start; at a later start, add what has changed since the last.

    A plan.json that is damaged is moved aside, and the plan is written again with a note of that.
    """
    settings, now = preregistered_settings(study), f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    try:
        plan = read(paths)
    except DataError as error:
        paths.plan.replace(paths.damaged_plan)
        note = f"The first plan is lost: {error}. The plan was preregistered again on {now}; the damaged file was kept."
        _write(paths, PreregisteredPlan(now, digest(settings), settings, note=note))
        return
    if plan is None:
        _write(paths, PreregisteredPlan(now, digest(settings), settings))
    elif changes := tuple(_changes(plan, study, f"since the start of {now}")):
        _write(paths, replace(plan, changes=(*plan.changes, *changes)))


def deviations(paths: StudyPaths, study: StudySpec) -> tuple[str, ...]:
    """Return a sentence for every setting in which the study differs, or differed, from its preregistered plan.

    There are none where there is no plan, and one where plan.json is damaged. Never raises for what is in the file.
    """
    try:
        plan = read(paths)
    except DataError as error:
        return (f"The preregistered plan is lost: {error}. The next `ablate run` preregisters the study again.",)
    if plan is None:
        return ()
    note = (plan.note,) if plan.note else ()
    changes = (*plan.changes, *_changes(plan, study, "since the latest start"))
    return (*note, *(change.sentence for change in changes))


def digest_tag(paths: StudyPaths) -> dict[str, str]:
    """Return the digest of the preregistered plan as a tag for trackers; none where no plan can be read."""
    try:
        plan = read(paths)
    except DataError:
        return {}
    return {"plan.digest": plan.digest} if plan else {}


def read(paths: StudyPaths) -> PreregisteredPlan | None:
    """Return the preregistered plan, None where there is none.

    Raises DataError where the file is damaged, or its plan does not match its digest.
    """
    if not paths.plan.exists():
        return None
    try:
        tree = json.loads(paths.plan.read_text(encoding="utf-8"))
        number = schema_number(tree)
        if number == 1:  # which called it frozen, and wrote no number
            tree = {("preregistered_at" if key == "frozen_at" else key): value for key, value in tree.items()}
        changes = tuple(_change(change) for change in tree["changes"])
        plan = PreregisteredPlan(**tree | {"changes": changes, NUMBER: number})
        if plan.digest == digest(dict(plan.plan)):
            return plan
    except (OSError, ValueError, TypeError, KeyError, AttributeError, SpecError) as error:
        raise DataError(f"{paths.plan} cannot be read ({type(error).__name__}: {error})") from error
    raise DataError(f"{paths.plan} was edited: its plan does not match its digest")


def _change(tree: Mapping[str, Any]) -> PlanChange:
    """Return a change that plan.json holds. Schema 1 called the setting `what`."""
    change = PlanChange(**{("setting" if key == "what" else key): value for key, value in tree.items()})
    if not isinstance(change.setting, str):
        raise TypeError(f"found {change.setting!r} as the setting of a change")
    return change


def preregistered_settings(study: StudySpec) -> Settings:
    """Return what is fixed before the first result.

    That is the question, the response, the base run, factors, design, seeds, the settings of the analysis, every
    hypothesis that is tested, and whether the study is exploratory. A sequential study fixes its looks too.
    """
    tested = planned_family(study, len(study.seeds)).tested
    hypotheses: list[Any] = [PAIR.join(hypothesis.factors) for hypothesis in tested]
    settings = study.model_dump(mode="json", exclude=LEFT_OUT)
    looks = LOOKS if study.looks is not None else {}
    return dict(_flat(settings)) | {"hypotheses": hypotheses, "family": len(tested)} | looks


def digest(settings: Settings) -> str:
    """Return the SHA-256 digest of preregistered settings: equal settings give equal digests."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _flat(block: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Value]]:
    for key, value in block.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield above + key, value


def _changes(plan: PreregisteredPlan, study: StudySpec, since: str) -> Iterator[PlanChange]:
    """Yield the changes from the latest settings of a plan to those of a study.

    A setting that the plan does not have and that is at its default is no change: the field is newer than the plan.
    """
    try:
        before = plan.latest
    except SpecError as error:
        yield PlanChange("the version of Ablate", "one with another field", f"this one ({error})", since)
        return
    after = preregistered_settings(study)
    chosen = {key for key, _ in _flat(study.non_defaults())} | {"hypotheses", "family"}
    for key in dict.fromkeys((*before, *after)):
        is_newer_default = key not in before and key not in chosen
        if before.get(key) != after.get(key) and not is_newer_default:
            yield PlanChange(key, before.get(key), after.get(key), since)


def _current(settings: Settings, number: int) -> Settings:
    """Return the settings of a plan of schema `number` in the names and defaults of today."""
    tree: dict[str, Any] = {}
    for key, value in settings.items():
        *above, last = _place(key)
        block = tree
        for name in above:
            block = block.setdefault(name, {})
        block[last] = value
    current = dict(_flat(upgrade_study(tree, number).tree))
    return {_current_key(key): _current_value(key, value) for key, value in current.items()}


def _place(key: str) -> list[str]:
    """Return the keys from the study down to a setting. The path of a factor is one key, though it has dots."""
    first, *below = key.split(".")
    if first == "factors" and len(below) > 1:
        return [first, ".".join(below[:-1]), below[-1]]
    return [first, *below]


def _current_key(key: str) -> str:
    return rename_within(key) if key.startswith("design.") else key


def _current_value(key: str, value: Value) -> Value:
    if key != "hypotheses" or not isinstance(value, list):
        return value
    return [PAIR.join(map(current_path, str(hypothesis).split(PAIR))) for hypothesis in value]


def _written(value: Value) -> str:
    return ", ".join(map(level_name, value)) if isinstance(value, list) else level_name(value)


def _write(paths: StudyPaths, plan: PreregisteredPlan) -> None:
    with whole_file(paths.plan) as path:
        path.write_text(json.dumps(asdict(plan), indent=1) + "\n", encoding="utf-8")
