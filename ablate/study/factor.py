"""A factor: the levels of one path of the run, and their names."""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from ablate.core.spec_base import Spec
from ablate.study.faults import quoted

Name = Annotated[str, Field(min_length=1, max_length=100)]
Levels = Annotated[list[Any], Field(min_length=2, max_length=100)]


class Factor(Spec):
    """The levels of one path of the run."""

    levels: Levels
    """At least two different values. To swap a whole part, give whole blocks with their kind."""
    title: Name | None = None
    """Name of the factor in reports; none means its path."""
    labels: list[Name] | None = None
    """Names of the levels, in their order; none means the levels as they are written."""
    ordered: bool = False
    """Whether the levels are in order, like a dose, so that trends over them are estimated."""

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
        """Return one short name per level."""
        return self.labels or [level_name(level) for level in self.levels]


def as_factor(factor: Any) -> Any:
    """Return a bare list as the levels of a factor."""
    if isinstance(factor, dict | Factor):
        return factor
    if isinstance(factor, list):
        return {"levels": factor}
    raise ValueError(f"found {quoted(factor)}; must be a list of levels, or a block {{levels: [...]}}")


def level_name(level: Any) -> str:
    """Return a level as short text: a block as its kind and its other settings."""
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
