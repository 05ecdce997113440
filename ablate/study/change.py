"""A run with some of its values replaced."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from pydantic import ValidationError

from ablate.core.errors import Fault, SpecError, alternatives
from ablate.study.faults import faults
from ablate.study.run import RunSpec


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
    """Say why `run` has nothing at `path`; None where it has."""
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
