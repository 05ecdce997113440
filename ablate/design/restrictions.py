"""Restrictions that a study file may place on a design: forbidden combinations and conditional factors."""

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Annotated

from pydantic import Field

from ablate.core.errors import DesignError
from ablate.design.design import Design, DesignFactor, LevelName, level_of, position_of
from ablate.design.rules import Condition, Rules

Combination = Annotated[dict[str, LevelName], Field(min_length=1)]
AllowedLevels = Annotated[dict[str, Annotated[list[LevelName], Field(min_length=1)]], Field(min_length=1)]


class RestrictedDesign(Design):
    """A design that can leave combinations out."""

    forbid: list[Combination] = Field(default_factory=list)
    """Combinations that are not run: the levels of some factors, by path."""
    only_when: dict[str, AllowedLevels] = Field(default_factory=dict)
    """A factor's path to the levels of others at which it varies; elsewhere it has its base level, or its first."""

    def rules(self, factors: Sequence[DesignFactor]) -> Rules:
        """See Design. Raises DesignError for unknown names, cyclic conditions, and a level that no cell may have."""
        forbidden = [
            {
                (position := position_of(path, factors, "forbid")): level_of(name, factors[position], "forbid")
                for path, name in combination.items()
            }
            for combination in self.forbid
        ]
        rules = Rules(tuple(factor.n_levels for factor in factors), tuple(forbidden), self._conditions(factors))
        for position, factor in enumerate(factors):
            for level, name in enumerate(factor.level_names):
                if next(rules.cells({position: level}), None) is None:
                    raise DesignError(
                        f"level {name!r} of {factor.name!r} can never be run, because 'forbid' and 'only_when' "
                        "exclude it from every cell; remove the level, or loosen 'forbid' and 'only_when'"
                    )
        return rules

    def _conditions(self, factors: Sequence[DesignFactor]) -> tuple[Condition, ...]:
        conditions = {}
        for path, allowed_levels in self.only_when.items():
            position = position_of(path, factors, "only_when")
            inactive_level = factors[position].baseline or 0
            conditions[position] = Condition(position, inactive_level, _positions(allowed_levels, factors))
        try:
            order = TopologicalSorter({i: condition.allowed_levels for i, condition in conditions.items()})
            return tuple(conditions[position] for position in order.static_order() if position in conditions)
        except CycleError as error:
            cycle = ", ".join(factors[position].name for position in error.args[1])
            raise DesignError(f"only_when: the conditions form a cycle: {cycle}; remove one of them") from error


def _positions(allowed_levels: AllowedLevels, factors: Sequence[DesignFactor]) -> dict[int, frozenset[int]]:
    positions = {path: position_of(path, factors, "only_when") for path in allowed_levels}
    return {
        positions[path]: frozenset(level_of(name, factors[positions[path]], "only_when") for name in names)
        for path, names in allowed_levels.items()
    }
