"""Combinations that must not be run, and factors that vary only where others have certain levels."""

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Annotated

from pydantic import Field

from ablate.core.errors import DesignError
from ablate.design.design import Design, DesignFactor
from ablate.design.names import LevelName, level_of, position_of
from ablate.design.rules import Condition, Rules

Combination = Annotated[dict[str, LevelName], Field(min_length=1)]
Levels = Annotated[list[LevelName], Field(min_length=1)]
Others = Annotated[dict[str, Levels], Field(min_length=1)]


class RestrictedDesign(Design):
    """A design that can leave combinations out."""

    forbid: list[Combination] = Field(default_factory=list)
    """Combinations that are not run: the levels of some factors, by path."""
    only_when: dict[str, Others] = Field(default_factory=dict)
    """A factor's path to the levels of others at which it varies; elsewhere it has its base level, or its first."""

    def rules(self, factors: Sequence[DesignFactor]) -> Rules:
        """See Design; raises DesignError for unknown names, for circles, and where a level could never be run."""
        forbidden = [
            {
                (position := position_of(path, factors, "forbid")): level_of(name, factors[position], "forbid")
                for path, name in combination.items()
            }
            for combination in self.forbid
        ]
        rules = Rules(tuple(factor.levels for factor in factors), tuple(forbidden), self._conditions(factors))
        for position, factor in enumerate(factors):
            for level, name in enumerate(factor.names):
                if next(rules.cells({position: level}), None) is None:
                    raise DesignError(
                        f"level {name!r} of {factor.name!r} can never be run, because of what 'forbid' and "
                        "'only_when' leave out; take the level out, or loosen them"
                    )
        return rules

    def _conditions(self, factors: Sequence[DesignFactor]) -> tuple[Condition, ...]:
        found = {}
        for path, others in self.only_when.items():
            position = position_of(path, factors, "only_when")
            found[position] = Condition(position, factors[position].baseline or 0, self._others(others, factors))
        try:
            order = TopologicalSorter({position: condition.others for position, condition in found.items()})
            return tuple(found[position] for position in order.static_order() if position in found)
        except CycleError as error:
            circle = ", ".join(factors[position].name for position in error.args[1])
            raise DesignError(f"only_when: the conditions go in a circle: {circle}; take one of them out") from error

    def _others(self, others: Others, factors: Sequence[DesignFactor]) -> dict[int, frozenset[int]]:
        positions = {path: position_of(path, factors, "only_when") for path in others}
        return {
            positions[path]: frozenset(level_of(name, factors[positions[path]], "only_when") for name in names)
            for path, names in others.items()
        }
