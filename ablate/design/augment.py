"""A design and the further cells that part what it mixes up."""

from collections.abc import Sequence
from typing import Literal, final

from ablate.core.errors import DesignError
from ablate.design.base_designs import BaseDesign
from ablate.design.design import Design, DesignFactor
from ablate.design.inner_design import inner_cells
from ablate.design.interactions import Interactions, chosen_pairs
from ablate.design.model_matrix import Pair, parameters
from ablate.design.optimal_cells import CellCount, OptimalCells, Restarts, SearchSeed
from ablate.design.rules import Rules


@final
class Augment(Design):
    """Keeps the cells of a design, whose runs are not made again, and adds those that tell most about a larger model.

    The added cells make the D-criterion of the whole largest. Use it where two explanations are tangled.
    """

    kind: Literal["augment"] = "augment"
    of: BaseDesign
    """The design whose cells are kept."""
    add: CellCount
    """How many cells are added."""
    interactions: Interactions = "all"
    """Pairs of paths whose interactions the whole is to estimate beside the main effects; or all pairs, or none."""
    restarts: Restarts = None
    """Random designs that the search starts from; none takes 200, fewer where that would take long."""
    seed: SearchSeed = 0
    """Of the search: another one may find other cells."""

    def rules(self, factors: Sequence[DesignFactor]) -> Rules:
        """See Design."""
        return self.of.rules(factors)

    def cells(self, factors: Sequence[DesignFactor]) -> list[tuple[int, ...]]:
        """See Design; the cells of `of` come first. Raises DesignError for too few cells, or more than there are."""
        kept, rules, pairs = inner_cells(self.of, factors), self.rules(factors), self.pairs(factors)
        search = OptimalCells(factors, rules, kept)
        available, least = len(search.free(self.add)), parameters(rules.counts, pairs)
        if available < self.add:
            raise DesignError(f"add: found {self.add}; {available} cells are left that may be run")
        if len(kept) + self.add < least:
            raise DesignError(
                f"add: {len(kept)} cells and {self.add} more cannot estimate the {least} parameters of {len(factors)} "
                f"main effects and {len(pairs)} interactions; add at least {least - len(kept)}, or name fewer pairs"
            )
        return [*kept, *search.chosen(self.add, pairs, self.restarts, self.seed)]

    def pairs(self, factors: Sequence[DesignFactor]) -> tuple[Pair, ...]:
        """See Design."""
        return chosen_pairs(self.interactions, factors, self.rules(factors))
