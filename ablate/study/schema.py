"""The schema of study files and stored results: what changed with each number, and trees brought up to date.

A tree is a mapping of plain values, as YAML and JSON hold it. Four kinds of change keep every stored tree valid:

- a renamed key is renamed, and so is a renamed value;
- a field whose default changed gets its old default, so that an old tree keeps its meaning;
- a removed field vanishes where it has its default. Elsewhere the tree belongs to an older version (OlderVersionError).

A new field with a default needs no entry: it changes neither a tree nor the identity of a run.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from ablate.core.errors import Fault, Loc, SpecError
from ablate.storage.records import SCHEMA

NUMBER = "schema"
"""Key of the number in every file. A file without it is of schema 1, which wrote none."""
ANY = "*"


@dataclass(frozen=True)
class Rename:
    """The key at `path` is called `name` now. In a path, `*` stands for any key."""

    path: str
    name: str


@dataclass(frozen=True)
class NewValue:
    """The value `before` at `path` is written `after` now."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True)
class NewDefault:
    """The field at `path` had the default `before`. With `kind`, only blocks of that kind have the field.

    `is_default_kind` says that a tree without the whole block means a block of that kind.
    """

    path: str
    before: Any
    kind: str | None = None
    is_default_kind: bool = True


@dataclass(frozen=True)
class Removal:
    """The field at `path` is gone; it had the default `default`."""

    path: str
    default: Any


Change = Rename | NewValue | NewDefault | Removal


@dataclass(frozen=True)
class Step:
    """The changes that one schema number brought: to a run, and to the rest of a study."""

    run: Sequence[Change] = ()
    study: Sequence[Change] = ()


STEPS: Mapping[int, Step] = {
    2: Step(
        run=(
            Rename("data.canvas", "frame_size"),
            Rename("data.binarise", "binarize"),
            Rename("model.initialisation", "initialization"),
            Rename("model.normalisation", "normalization"),
            Rename("training.optimiser", "optimizer"),
            Rename("evaluation.views.*.truth_offset", "target_offset"),
            NewValue("model.kind", "copy_last", "persistence"),
        ),
        study=(
            Rename("response.measure", "metric"),
            NewValue("analysis.interval", "studentised", "studentized"),
        ),
    ),
}


class BothNamesError(SpecError):
    """A tree has a key under its old name and under its new one."""


class OlderVersionError(SpecError):
    """A tree uses a field that this version no longer has, at another value than its default."""


@dataclass
class Upgrade:
    """A tree brought up to date, and what was done to it.

    `origins` gives, for every place of the new tree that has one, what the caller knew of that place in the old tree.
    """

    tree: Any
    origins: dict[Loc, Any] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    """Old names that were found, with the new ones."""
    rewritten: list[Loc] = field(default_factory=list)
    """Places of values that are written in another way now."""
    added: list[Loc] = field(default_factory=list)
    removed: list[Any] = field(default_factory=list)
    """Origins of the removed fields."""

    @property
    def has_changes(self) -> bool:
        """Whether the tree was not up to date."""
        return bool(self.renamed or self.rewritten or self.added or self.removed)


def schema_number(tree: Any) -> int:
    """Return the number of the schema that a tree was written in. Raises SpecError for a number that is unknown."""
    number = tree.get(NUMBER, 1) if isinstance(tree, Mapping) else 1
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        text = f"found {number!r}; must be a whole number from 1 to {SCHEMA}, without quotes"
        raise SpecError.of([Fault((NUMBER,), text)])
    if number > SCHEMA:
        text = f"found {number}; this version reads 1 to {SCHEMA}; install a newer Ablate for a newer file"
        raise SpecError.of([Fault((NUMBER,), text)])
    return number


def upgrade_run(tree: Any, number: int, steps: Mapping[int, Step] = STEPS) -> Upgrade:
    """Bring the tree of a run, or of a study's base, from schema `number` up to date. Raises OlderVersionError."""
    upgrade = Upgrade(deepcopy(tree))
    for step_number, step in steps.items():
        _Walk(upgrade, step.run, fills_defaults=number < step_number).run((), ())
    upgrade.tree.pop(NUMBER, None)
    return upgrade


def upgrade_study(
    tree: Any, number: int, origins: Mapping[Loc, Any] | None = None, steps: Mapping[int, Step] = STEPS
) -> Upgrade:
    """Bring the tree of a study from schema `number` up to date.

    Renamed keys are renamed whatever the number, since they go on working for one minor version. Raises
    OlderVersionError for a removed field at another value than its default.
    """
    upgrade = Upgrade(deepcopy(tree), dict(origins or {}))
    if not isinstance(tree, dict):
        return upgrade
    for step_number, step in steps.items():
        fills_defaults = number < step_number
        _Walk(upgrade, step.study, fills_defaults).run((), ())
        walk = _Walk(upgrade, step.run, fills_defaults)
        had_base = "base" in upgrade.tree
        upgrade.tree.setdefault("base", {})
        walk.run(("base",), ())
        if not had_base and upgrade.tree["base"]:
            upgrade.added.append(("base",))
        elif not had_base:
            del upgrade.tree["base"]
        walk.factors()
        walk.references(("design",))
        walk.references(("analysis", "interactions"))
    upgrade.tree.pop(NUMBER, None)
    return upgrade


def current_path(path: str, steps: Mapping[int, Step] = STEPS, *, of_study: bool = False) -> str:
    """Return the path of a run's field, or of a study's with `of_study`, in the names of today."""
    for step in steps.values():
        path = _renamed_path(path, step.study if of_study else step.run)
    return path


def rename_within(text: str, steps: Mapping[int, Step] = STEPS) -> str:
    """Rename every path of a run that occurs in `text` after a dot, as in design.only_when.model.head.model.kind."""
    for step in steps.values():
        for change in step.run:
            if isinstance(change, Rename) and ANY not in change.path:
                current = _renamed_path(change.path, [change])
                text = re.sub(rf"(?<=\.){re.escape(change.path)}(?=\.|$)", current, text)
    return text


def _renamed_path(path: str, changes: Sequence[Change]) -> str:
    keys = path.split(".")
    for change in changes:
        if isinstance(change, Rename):
            pattern = change.path.split(".")
            if _matches(keys[: len(pattern)], pattern):
                keys[len(pattern) - 1] = change.name
    return ".".join(keys)


def _matches(keys: Sequence[Any], pattern: Sequence[str]) -> bool:
    return len(keys) == len(pattern) and all(
        expected in (ANY, key) for key, expected in zip(keys, pattern, strict=True)
    )


@dataclass
class _Walk:
    """Applies the changes of one step to a tree in place."""

    upgrade: Upgrade
    changes: Sequence[Change]
    fills_defaults: bool

    def run(self, loc: Loc, path: tuple[str, ...]) -> None:
        """Apply the changes to the value at `loc`, which is what lies at `path` of a run."""
        for change in self.changes:
            pattern = tuple(change.path.split("."))
            if len(path) < len(pattern) and _matches(path, pattern[: len(path)]):
                *above, key = pattern[len(path) :]
                if isinstance(change, NewDefault) and self.fills_defaults:
                    self._make_blocks(loc, above, change)
                for block_loc in list(self._blocks(loc, above)):
                    self._apply(change, block_loc, key)
            elif isinstance(change, NewValue) and _matches(path, pattern):
                self._rewrite(loc, change)

    def factors(self) -> None:
        """Rename the factors' paths, and bring their levels up to date."""
        factors = self.upgrade.tree.get("factors")
        if not isinstance(factors, dict):
            return
        for path in list(factors):
            current = _renamed_path(str(path), self.changes)
            if current != path:
                self._rename(("factors",), path, current)
        for path, factor in self.upgrade.tree["factors"].items():
            loc: Loc = ("factors", path)
            levels = factor
            if isinstance(factor, dict):
                levels, loc = factor.get("levels"), (*loc, "levels")
            for position in range(len(levels) if isinstance(levels, list) else 0):
                self.run((*loc, position), tuple(str(path).split(".")))

    def references(self, loc: Loc) -> None:
        """Rename every path that a design or a list of interactions names, and rewrite the levels given for it."""
        value = self._at(loc)
        if isinstance(value, dict):
            for key in list(value):
                current = _renamed_path(str(key), self.changes)
                if current != key:
                    self._rename(loc, key, current)
            for key in list(self._at(loc)):
                self._references_below((*loc, key), tuple(str(key).split(".")))
        elif isinstance(value, list):
            for position in range(len(value)):
                self._references_below((*loc, position), ())
        elif isinstance(value, str) and (current := _renamed_path(value, self.changes)) != value:
            self._note(value, current)
            self._set(loc, current)

    def _references_below(self, loc: Loc, path: tuple[str, ...]) -> None:
        levels = self._at(loc)
        for place in [(*loc, position) for position in range(len(levels))] if isinstance(levels, list) else [loc]:
            self.run(place, path)
        self.references(loc)

    def _make_blocks(self, loc: Loc, above: Sequence[str], change: NewDefault) -> None:
        """Write out the blocks around a field whose default changed, where a tree leaves them to their defaults."""
        if ANY in above or (change.kind is not None and not change.is_default_kind):
            return
        for depth, key in enumerate(above):
            block = self._at((*loc, *above[:depth]))
            if not isinstance(block, dict):
                return
            if key not in block:
                innermost = depth == len(above) - 1
                block[key] = {"kind": change.kind} if innermost and change.kind is not None else {}
                self.upgrade.added.append((*loc, *above[: depth + 1]))

    def _apply(self, change: Change, loc: Loc, key: str) -> None:
        block = self._at(loc)
        match change:
            case Rename() if key in block:
                self._rename(loc, key, change.name)
            case NewValue() if key in block:
                self._rewrite((*loc, key), change)
            case NewDefault() if self.fills_defaults and key not in block:
                if change.kind in (None, block.get("kind")):
                    block[key] = deepcopy(change.before)
                    self.upgrade.added.append((*loc, key))
            case Removal() if key in block:
                self._remove(change, loc, key)

    def _rename(self, loc: Loc, key: str, name: str) -> None:
        block = self._at(loc)
        if name in block:
            fault = Fault((*loc, key), f"is the old name of {name!r}, and both are given; keep one of them")
            raise BothNamesError(str(fault), [fault])
        items = [(name if old == key else old, value) for old, value in block.items()]
        block.clear()
        block.update(items)
        old_place, place = (*loc, key), (*loc, name)
        moved = {
            (*place, *loc[len(old_place) :]) if loc[: len(old_place)] == old_place else loc: origin
            for loc, origin in self.upgrade.origins.items()
        }
        self.upgrade.origins = moved
        self._note(key, name)

    def _note(self, path: str, current: str) -> None:
        """Note the keys that differ between a path and what it is called now."""
        keys = zip(path.split("."), current.split("."), strict=True)
        self.upgrade.renamed.update({old: name for old, name in keys if old != name})

    def _rewrite(self, loc: Loc, change: NewValue) -> None:
        if self._at(loc) == change.before:
            self._set(loc, change.after)
            self.upgrade.renamed[str(change.before)] = str(change.after)

    def _remove(self, change: Removal, loc: Loc, key: str) -> None:
        block, place = self._at(loc), (*loc, key)
        if block[key] != change.default:
            text = f"found {block[key]!r}; this version has no such field, and treats every run as {change.default!r}"
            fault = Fault(place, text)
            raise OlderVersionError(str(fault), [fault])
        del block[key]
        self.upgrade.removed.append(self.upgrade.origins.get(place))
        self.upgrade.origins = {
            loc: origin for loc, origin in self.upgrade.origins.items() if loc[: len(place)] != place
        }

    def _at(self, loc: Loc) -> Any:
        value = self.upgrade.tree
        for key in loc:
            if isinstance(value, dict):
                value = value.get(key)
            elif isinstance(value, list) and isinstance(key, int) and key < len(value):
                value = value[key]
            else:
                return None
        return value

    def _set(self, loc: Loc, value: Any) -> None:
        self._at(loc[:-1])[loc[-1]] = value
        self.upgrade.rewritten.append(loc)

    def _blocks(self, loc: Loc, above: Sequence[str]) -> Iterator[Loc]:
        """Yield the place of every block that `above` leads to from `loc`."""
        block = self._at(loc)
        if not isinstance(block, dict):
            return
        if not above:
            yield loc
            return
        for key in list(block) if above[0] == ANY else above[:1]:
            yield from self._blocks((*loc, key), above[1:])
