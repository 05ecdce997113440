"""Factors and levels as a study file names them."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator

from ablate.core.errors import DesignError, alternatives
from ablate.design.design import DesignFactor


def _as_name(given: Any) -> Any:
    """Take a bare value for the name of the level that has it."""
    if isinstance(given, bool):
        return "yes" if given else "no"
    if given is None:
        return "none"
    return str(given) if isinstance(given, int | float) else given


LevelName = Annotated[str, BeforeValidator(_as_name, json_schema_input_type=str | int | float | bool | None)]
"""The name of a level: its label, or what it writes as."""


def position_of(path: str, factors: Sequence[DesignFactor], place: str) -> int:
    """Return where a factor stands. Raises DesignError, starting with `place`, where there is none of this path."""
    names = [factor.name for factor in factors]
    if path not in names:
        raise DesignError(f"{place}: unknown factor {path!r}{alternatives(path, names)}")
    return names.index(path)


def level_of(name: str, factor: DesignFactor, place: str) -> int:
    """Return where a level stands in its factor. Raises DesignError, starting with `place`, for an unknown name."""
    if name not in factor.names:
        raise DesignError(f"{place}: {factor.name!r} has no level {name!r}{alternatives(name, factor.names)}")
    return factor.names.index(name)
