"""The interactions that a design is to estimate."""

from collections.abc import Sequence
from itertools import product
from typing import Annotated, Literal

from pydantic import Field

from ablate.core.errors import DesignError
from ablate.design.design import DesignFactor
from ablate.design.model_matrix import Pair, all_pairs
from ablate.design.names import position_of
from ablate.design.rules import Rules

PATHS = 2
FactorPair = Annotated[list[str], Field(min_length=PATHS, max_length=PATHS)]
Interactions = Literal["all", "none"] | list[FactorPair]


def chosen_pairs(chosen: Interactions, factors: Sequence[DesignFactor], rules: Rules) -> tuple[Pair, ...]:
    """Return the pairs by position: those named, none, or all of which every combination of levels may be run.

    Raises DesignError for an unknown factor, a factor with itself, and a named pair of which some combination may
    never be run, so that no design can estimate it.
    """
    if chosen == "none":
        return ()
    if chosen == "all":
        return tuple(pair for pair in all_pairs(len(factors)) if _never(pair, rules) is None)
    pairs = [_pair(names, factors) for names in chosen]
    for i, j in pairs:
        if never := _never((i, j), rules):
            one, other = factors[i].names[never[0]], factors[j].names[never[1]]
            raise DesignError(
                f"interactions: {factors[i].name} x {factors[j].name} cannot be estimated, because {one!r} with "
                f"{other!r} may never be run; leave the pair out, or loosen 'forbid' and 'only_when'"
            )
    return tuple(dict.fromkeys(pairs))


def _pair(names: FactorPair, factors: Sequence[DesignFactor]) -> Pair:
    first, second = sorted(position_of(name, factors, "interactions") for name in names)
    if first == second:
        raise DesignError(f"interactions: found {names[0]!r} twice; an interaction is between two factors")
    return first, second


def _never(pair: Pair, rules: Rules) -> tuple[int, int] | None:
    """Return the first combination of a pair's levels that may never be run."""
    i, j = pair
    for one, other in product(range(rules.counts[i]), range(rules.counts[j])):
        if next(rules.cells({i: one, j: other}), None) is None:
            return one, other
    return None
