"""A factor: the levels of one path of the run, and what they are called."""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from ablate.core.spec_base import Spec
from ablate.study.faults import shown

Name = Annotated[str, Field(min_length=1, max_length=100)]
Levels = Annotated[list[Any], Field(min_length=2, max_length=100)]


class Factor(Spec):
    """Levels for one path of the run."""

    levels: Levels
    """At least two different values; to swap a whole part, whole blocks with their kind."""
    title: Name | None = None
    """What reports call the factor; none takes its path."""
    labels: list[Name] | None = None
    """Names of the levels, in their order; none writes the level itself."""
    ordered: bool = False
    """True: the levels stand in their order, as a dose does, and trends over them are estimated."""

    @model_validator(mode="after")
    def _every_level_has_its_own_name(self) -> Self:
        if self.labels is not None and len(self.labels) != len(self.levels):
            raise ValueError(f"labels: {len(self.labels)} of them for {len(self.levels)} levels; give one for each")
        name, times = Counter(self.level_names()).most_common(1)[0]
        if times > 1:
            key = "labels" if self.labels else "levels"
            raise ValueError(f"{key}: found {name!r} {times} times; they must differ")
        return self

    def level_names(self) -> list[str]:
        """Return one short name a level."""
        return self.labels or [level_name(level) for level in self.levels]


def as_factor(given: Any) -> Any:
    """Take a bare list for the levels of a factor."""
    if isinstance(given, dict | Factor):
        return given
    if isinstance(given, list):
        return {"levels": given}
    raise ValueError(f"found {shown(given)}; must be a list of levels, or a block {{levels: [...]}}")


def level_name(level: Any) -> str:
    """Write a level in a few characters: a block by its kind and what it sets beside it."""
    if isinstance(level, Mapping):
        return " ".join(
            level_name(value) if key == "kind" else f"{key}={level_name(value)}" for key, value in level.items()
        )
    if isinstance(level, list | tuple):
        return "-".join(level_name(item) for item in level)
    if level is None:
        return "none"
    if isinstance(level, bool):
        return "yes" if level else "no"
    return str(level)
