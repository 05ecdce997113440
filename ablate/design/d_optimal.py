"""The cells that tell most about the effects that one names."""

from collections.abc import Sequence
from math import ceil
from typing import Literal, final

from ablate.core.errors import DesignError
from ablate.design.design import DesignFactor
from ablate.design.interactions import Interactions, chosen_pairs
from ablate.design.model_matrix import Pair, parameters
from ablate.design.optimal_cells import CellCount, OptimalCells, Restarts, SearchSeed
from ablate.design.restrictions import RestrictedDesign

SPARE = 1.5


@final
class DOptimal(RestrictedDesign):
    """Runs the cells in which all main effects and the chosen interactions are estimated best together.

    The D-criterion: the joint variance of the estimates of a linear model with these terms is least.
    """

    kind: Literal["d_optimal"] = "d_optimal"
    interactions: Interactions = "none"
    """Pairs of paths whose interactions are estimated beside the main effects; or all pairs, or none."""
    size: CellCount | None = None
    """How many cells; none takes half as many again as the model has parameters, or all there are."""
    restarts: Restarts = None
    """Random designs that the search starts from; none takes 200, fewer where that would take long."""
    seed: SearchSeed = 0
    """Of the search: another one may find other cells."""

    def cells(self, factors: Sequence[DesignFactor]) -> list[tuple[int, ...]]:
        """See Design; raises DesignError for too few cells and for terms that no such cells tell apart."""
        rules, pairs = self.rules(factors), self.pairs(factors)
        least = parameters(rules.counts, pairs)
        search = OptimalCells(factors, rules)
        wanted = self.size or ceil(SPARE * least)
        available = len(search.free(wanted))
        if self.size and available < self.size:
            raise DesignError(f"size: found {self.size}; these factors have {available} cells that may be run")
        count = min(wanted, available)
        if count < least:
            raise DesignError(
                f"size: {count} cells cannot estimate the {least} parameters of {len(factors)} main effects and "
                f"{len(pairs)} interactions; give at least {least} cells, or leave interactions out"
            )
        return search.chosen(count, pairs, self.restarts, self.seed)

    def pairs(self, factors: Sequence[DesignFactor]) -> tuple[Pair, ...]:
        """See Design."""
        return chosen_pairs(self.interactions, factors, self.rules(factors))
