"""Trees of older schemas brought up to date: of a run, and of a study with its factors, design and analysis."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from ablate.core.errors import Fault, Loc, SpecError
from ablate.study.schema import (
    ANY,
    NUMBER,
    STEPS,
    Change,
    NewDefault,
    NewValue,
    Removal,
    Rename,
    Step,
    matches,
    renamed_path,
)


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
            if len(path) < len(pattern) and matches(path, pattern[: len(path)]):
                *above, key = pattern[len(path) :]
                if isinstance(change, NewDefault) and self.fills_defaults:
                    self._make_blocks(loc, above, change)
                for block_loc in list(self._blocks(loc, above)):
                    self._apply(change, block_loc, key)
            elif isinstance(change, NewValue) and matches(path, pattern):
                self._rewrite(loc, change)

    def factors(self) -> None:
        """Rename the factors' paths, and bring their levels up to date."""
        factors = self.upgrade.tree.get("factors")
        if not isinstance(factors, dict):
            return
        for path in list(factors):
            current = renamed_path(str(path), self.changes)
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
                current = renamed_path(str(key), self.changes)
                if current != key:
                    self._rename(loc, key, current)
            for key in list(self._at(loc)):
                self._references_below((*loc, key), tuple(str(key).split(".")))
        elif isinstance(value, list):
            for position in range(len(value)):
                self._references_below((*loc, position), ())
        elif isinstance(value, str) and (current := renamed_path(value, self.changes)) != value:
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
