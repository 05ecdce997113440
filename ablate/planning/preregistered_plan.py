"""plan.json: the preregistered plan of a study, and every later change of it.

The file holds the plan, its SHA-256 digest, the date, and every later change in the order in which it was made. A plan
of an older schema is read in the names and defaults of today. A hash chain over the plan and its changes lets a book
that holds the latest link notice when a change was edited or removed.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ablate.core.errors import DataError, SpecError
from ablate.storage.atomic import whole_file
from ablate.storage.paths import StudyPaths
from ablate.storage.records import SCHEMA
from ablate.study import level_name
from ablate.study.schema import NUMBER, current_path, rename_within, schema_number
from ablate.study.schema_upgrade import upgrade_study

Value = str | int | float | bool | list[Any] | None
Settings = Mapping[str, Value]
"""Every setting by its path, as in analysis.alpha or factors.model.activation.levels; None where there is none."""
PAIR = " x "


@dataclass(frozen=True)
class PlanChange:
    """A setting that differs from the plan: its path, both values, and the first start of the study that had it.

    `is_new_setting` marks a setting that the version which wrote the plan did not record. It is no deviation: the first
    start under a version that records it adds it, so that later changes of it show.
    """

    setting: str
    before: Value
    after: Value
    since: str
    is_new_setting: bool = False

    @property
    def values(self) -> tuple[str, str]:
        """Both values for a reader."""
        return _written(self.before), _written(self.after)

    @property
    def sentence(self) -> str:
        """The change for a reader."""
        return f"{self.setting} was changed from {_written(self.before)} to {_written(self.after)} ({self.since})."


@dataclass(frozen=True)
class PreregisteredPlan:
    """What plan.json holds. `note` says why the plan was written after the first run, None if it was not."""

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

    @property
    def chain(self) -> tuple[str, ...]:
        """The links of the chain: of the plan with its date and note, and of every change after it."""
        links = [_sha256([self.digest, self.preregistered_at, self.note])]
        for change in self.changes:
            links.append(_sha256([links[-1], change.setting, change.before, change.after, change.since]))
        return tuple(links)


def digest(settings: Settings) -> str:
    """Return the SHA-256 digest of preregistered settings: equal settings give equal digests."""
    return _sha256(settings)


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


def plan_digest(paths: StudyPaths) -> str | None:
    """Return the digest of the preregistered plan; None where no plan can be read."""
    try:
        plan = read(paths)
    except DataError:
        return None
    return plan.digest if plan else None


def write(paths: StudyPaths, plan: PreregisteredPlan) -> None:
    """Write plan.json whole."""
    with whole_file(paths.plan) as path:
        path.write_text(json.dumps(asdict(plan), indent=1) + "\n", encoding="utf-8")


def flat(block: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Value]]:
    """Yield every setting of nested blocks by its path."""
    for key, value in block.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{key}.")
        else:
            yield above + key, value


def _change(tree: Mapping[str, Any]) -> PlanChange:
    """Return a change that plan.json holds. Schema 1 called the setting `what`."""
    change = PlanChange(**{("setting" if key == "what" else key): value for key, value in tree.items()})
    if not isinstance(change.setting, str):
        raise TypeError(f"found {change.setting!r} as the setting of a change")
    return change


def _current(settings: Settings, number: int) -> Settings:
    """Return the settings of a plan of schema `number` in the names and defaults of today."""
    tree: dict[str, Any] = {}
    for key, value in settings.items():
        *above, last = _place(key)
        block = tree
        for name in above:
            block = block.setdefault(name, {})
        block[last] = value
    current = dict(flat(upgrade_study(tree, number).tree))
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


def _sha256(tree: Any) -> str:
    return hashlib.sha256(json.dumps(tree, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
