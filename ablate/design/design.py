"""What the study asks of a design, and how a study file names factors and levels."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator

from ablate.core.errors import DesignError, alternatives
from ablate.core.spec_base import Spec
from ablate.design.model_matrix import Pair
from ablate.design.rules import Cell, Rules

MAX_CELLS = 10_000


@dataclass(frozen=True)
class DesignFactor:
    """A factor as a design sees it: its path, the names of its levels, and the position of the base run's level.

    `baseline` is None where the base run has none of the levels; `base_value` is what it has, for messages.
    """

    name: str
    level_names: tuple[str, ...]
    baseline: int | None
    base_value: str | None = None

    @property
    def n_levels(self) -> int:
        """Number of levels."""
        return len(self.level_names)


class Design(Spec, ABC):
    """Chooses which combinations of levels are run."""

    caveat: ClassVar[str] = ""
    """What the design's effects cannot show, whatever the factors are; empty if there is no such limit."""

    @abstractmethod
    def cells(self, factors: Sequence[DesignFactor]) -> list[Cell]:
        """Return the distinct cells, each one level index per factor.

        Raises DesignError if the factors do not allow this design.
        """

    def rules(self, factors: Sequence[DesignFactor]) -> Rules:
        """Return which cells may be run. Raises DesignError for restrictions that these factors do not allow."""
        return Rules(tuple(factor.n_levels for factor in factors))

    def pairs(self, factors: Sequence[DesignFactor]) -> tuple[Pair, ...] | None:  # noqa: ARG002  # for subclasses
        """Return the pairs, by position, whose interactions the cells are chosen to estimate.

        None means that the design was not chosen for any model. Raises DesignError for pairs that cannot be estimated.
        """
        return None


def _as_level_name(value: Any) -> Any:
    """Return the name of the level that has this bare YAML value."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    return str(value) if isinstance(value, int | float) else value


LevelName = Annotated[str, BeforeValidator(_as_level_name, json_schema_input_type=str | int | float | bool | None)]
"""The name of a level: its label, or its value as text."""


def position_of(path: str, factors: Sequence[DesignFactor], place: str) -> int:
    """Return the position of a factor. Raises DesignError, which starts with `place`, for an unknown path."""
    names = [factor.name for factor in factors]
    if path not in names:
        raise DesignError(f"{place}: unknown factor {path!r}{alternatives(path, names)}")
    return names.index(path)


def level_of(name: str, factor: DesignFactor, place: str) -> int:
    """Return the position of a level in its factor. Raises DesignError, which starts with `place`, if it is unknown."""
    if name not in factor.level_names:
        raise DesignError(f"{place}: {factor.name!r} has no level {name!r}{alternatives(name, factor.level_names)}")
    return factor.level_names.index(name)
