"""Follow-up designs: they keep the cells of another design and add cells that separate its aliased effects."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal, final

import numpy as np
from pydantic import Field

from ablate.core.errors import DesignError
from ablate.design.d_optimal import CellCount, CellSearch, Interactions, Restarts, SearchSeed, estimable_pairs
from ablate.design.design import Design, DesignFactor, position_of
from ablate.design.model_matrix import Pair, parameters
from ablate.design.rules import Cell, Rules

if TYPE_CHECKING:
    from ablate.design import BaseDesign  # at run time, the room's `__init__` tells pydantic what BaseDesign is

STARTS_WITH_KEY = re.compile(r"\w+: ")


@final
class Foldover(Design):
    """Runs the cells of a design, and their mirror images: the levels of some factors in reverse order.

    A foldover of all factors frees two-level main effects from every two-factor interaction. A foldover of one factor
    frees that factor and its interactions. Box and Wilson (1951), doi:10.1111/j.2517-6161.1951.tb00067.x.
    """

    kind: Literal["foldover"] = "foldover"
    of: "BaseDesign"
    """The design that is mirrored."""
    factors: Literal["all"] | Annotated[list[str], Field(min_length=1)] = "all"
    """Paths of the factors whose levels are reversed."""

    def rules(self, factors: Sequence[DesignFactor]) -> Rules:
        """See Design."""
        return self.of.rules(factors)

    def cells(self, factors: Sequence[DesignFactor]) -> list[Cell]:
        """See Design. The cells of `of` come first. Raises DesignError if a mirrored cell is forbidden."""
        cells, rules, mirrored = _inner_cells(self.of, factors), self.rules(factors), self._mirrored(factors)
        levels = np.array(cells, int)
        last_levels = np.array(rules.counts, int)[mirrored] - 1
        levels[:, mirrored] = last_levels - levels[:, mirrored]
        levels = rules.canonical(levels)
        if not rules.allowed(levels).all():
            forbidden = levels[~rules.allowed(levels)][0]
            combination = ", ".join(
                f"{factor.name}: {factor.level_names[level]}" for factor, level in zip(factors, forbidden, strict=True)
            )
            raise DesignError(
                f"factors: their reversal makes the forbidden combination {{{combination}}}; reverse fewer factors, "
                "or use augment"
            )
        return list(dict.fromkeys([*cells, *map(tuple, levels.tolist())]))

    def pairs(self, factors: Sequence[DesignFactor]) -> tuple[Pair, ...] | None:
        """See Design; those of `of`."""
        return self.of.pairs(factors)

    def _mirrored(self, factors: Sequence[DesignFactor]) -> list[int]:
        if self.factors == "all":
            return list(range(len(factors)))
        return [position_of(path, factors, "factors") for path in self.factors]


@final
class Augment(Design):
    """Keeps the cells of a design, and adds the cells that are most informative for a larger model.

    The added cells maximize the D-criterion of all cells. Existing runs are reused. Use it if two explanations are
    confounded.
    """

    kind: Literal["augment"] = "augment"
    of: "BaseDesign"
    """The design whose cells are kept."""
    add: CellCount
    """Number of cells to add."""
    interactions: Interactions = "all"
    """Interactions that all cells together estimate besides the main effects: pairs of paths, `all`, or `none`."""
    restarts: Restarts = None
    """Number of random designs from which the search starts. Without it: 200, or fewer for a large design."""
    seed: SearchSeed = 0
    """Seed of the search. Another seed may find other cells."""

    def rules(self, factors: Sequence[DesignFactor]) -> Rules:
        """See Design."""
        return self.of.rules(factors)

    def cells(self, factors: Sequence[DesignFactor]) -> list[Cell]:
        """See Design. The cells of `of` come first. Raises DesignError for too few cells, or more than there are."""
        cells, rules, pairs = _inner_cells(self.of, factors), self.rules(factors), self.pairs(factors)
        search = CellSearch(factors, rules, cells)
        available, n_parameters = len(search.candidates(self.add)), parameters(rules.counts, pairs)
        if available < self.add:
            raise DesignError(
                f"add: found {self.add}; allowed: at most {available}, the cells that are left; add fewer"
            )
        if len(cells) + self.add < n_parameters:
            raise DesignError(
                f"add: {len(cells)} cells and {self.add} more cannot estimate the {n_parameters} parameters of "
                f"{len(factors)} main effects and {len(pairs)} interactions; add at least {n_parameters - len(cells)}, "
                "or name fewer pairs"
            )
        return [*cells, *search.select(self.add, pairs, self.restarts, self.seed)]

    def pairs(self, factors: Sequence[DesignFactor]) -> tuple[Pair, ...]:
        """See Design."""
        return estimable_pairs(self.interactions, factors, self.rules(factors))


def _inner_cells(design: Design, factors: Sequence[DesignFactor]) -> list[Cell]:
    """Return the cells of the design under the key `of`. Its DesignError is raised with that key in front."""
    try:
        return design.cells(factors)
    except DesignError as error:
        raise DesignError(f"of{'.' if STARTS_WITH_KEY.match(str(error)) else ': '}{error}") from error
