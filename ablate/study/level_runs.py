"""The base run with values replaced, and with each level of each factor alone."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from pydantic import ValidationError

from ablate.core.errors import Fault, SpecError, alternatives
from ablate.study.factor import Factor
from ablate.study.faults import faults
from ablate.study.run import RunSpec


def level_runs(base: RunSpec, factors: Mapping[str, Factor]) -> dict[str, list[RunSpec | None]]:
    """Return the base run with each level alone, by path; None if a level only fits together with other levels.

    Raises SpecError with every path that does not exist, every level that does not fit its path, and every
    level that is written otherwise but means the same as another.
    """
    runs: dict[str, list[RunSpec | None]] = {}
    faults: list[Fault] = []
    for path, factor in factors.items():
        if problem := _problem_with_path(base, path):
            faults.append(Fault(("factors", path), problem))
            continue
        runs[path] = []
        for position in range(len(factor.levels)):
            try:
                runs[path].append(_alone(base, path, factor, position))
            except SpecError as error:
                faults.extend(error.faults)
        faults.extend(_repeated(path, factor, runs[path]))
    if faults:
        raise SpecError.of(faults)
    return runs


def _problem_with_path(base: RunSpec, path: str) -> str | None:
    if path == "seed":
        return "seeds are set by 'seeds', and are no factor"
    return unknown_path(base, path)


def _alone(base: RunSpec, path: str, factor: Factor, position: int) -> RunSpec | None:
    try:
        return changed(base, {path: factor.levels[position]})
    except SpecError as error:
        place = tuple(path.split("."))
        if all(place[: len(fault.loc)] == fault.loc != place for fault in error.faults):
            return None  # a block around it objects, and other factors may change that block
        placed = [_placed(fault, path, factor, position) for fault in error.faults]
        raise SpecError.of(list(dict.fromkeys(placed))) from error


def _placed(fault: Fault, path: str, factor: Factor, position: int) -> Fault:
    place, level = tuple(path.split(".")), ("factors", path, "levels", position)
    if fault.loc[: len(place)] == place:
        return Fault((*level, *fault.loc[len(place) :]), fault.text)
    block, _, last = path.rpartition(".")
    if last != "kind":
        return Fault(level, str(fault))
    blocks = ", ".join(f"{{kind: {kind}}}" for kind in factor.levels)
    return Fault(level, f"the base's keys do not suit every kind; give whole blocks, as in {block}: [{blocks}]")


def _repeated(path: str, factor: Factor, runs: list[RunSpec | None]) -> list[Fault]:
    names = factor.level_names()
    firsts: dict[str, int] = {}
    return [
        Fault(("factors", path, "levels", position), f"means the same as level {names[first]!r}; levels must differ")
        for position, run in enumerate(runs)
        if run is not None and (first := firsts.setdefault(run.identity(), position)) < position
    ]


def changed(run: RunSpec, settings: Mapping[str, Any]) -> RunSpec:
    """Return `run` with the value at each path replaced; whole blocks before the fields inside them.

    Raises SpecError for a path that no run has, or values that make no valid run; its faults say where in the run.
    """
    tree = run.model_dump()
    for path in sorted(settings, key=lambda path: path.count(".")):
        _put(tree, path, deepcopy(settings[path]))
    try:
        return RunSpec.model_validate(tree)
    except ValidationError as error:
        raise SpecError.of(faults(error, RunSpec, tree)) from error


def unknown_path(run: RunSpec, path: str) -> str | None:
    """Return why `run` has no field at `path`; None if it has one."""
    branch: Any = run.model_dump(exclude={"seed"})
    for key in path.split("."):
        if not isinstance(branch, dict):
            return f"there is no {key!r} below the value {branch!r}"
        if key not in branch:
            return f"unknown path at {key!r}{alternatives(key, branch)}"
        branch = branch[key]
    return None


def _put(tree: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    branch: Any = tree
    for key in parents:
        branch = branch.setdefault(key, {})
        if not isinstance(branch, dict):
            raise SpecError.of([Fault(tuple(path.split(".")), f"nothing lies below {key!r}, which is {branch!r}")])
    branch[last] = value
