"""A design and its mirror image."""

from collections.abc import Sequence
from typing import Annotated, Literal, final

import numpy as np
from pydantic import Field

from ablate.core.errors import DesignError
from ablate.design.base_designs import BaseDesign
from ablate.design.design import Design, DesignFactor
from ablate.design.inner_design import inner_cells
from ablate.design.model_matrix import Pair
from ablate.design.names import position_of
from ablate.design.rules import Rules


@final
class Foldover(Design):
    """Runs the cells of a design, and those with the levels of some factors turned round, the first being the last.

    Over all factors this frees two-level main effects from every two-factor interaction; over one factor it frees
    that factor and its interactions. Box and Wilson (1951), doi:10.1111/j.2517-6161.1951.tb00067.x.
    """

    kind: Literal["foldover"] = "foldover"
    of: BaseDesign
    """The design that is mirrored."""
    factors: Literal["all"] | Annotated[list[str], Field(min_length=1)] = "all"
    """Paths of the factors whose levels are turned round."""

    def rules(self, factors: Sequence[DesignFactor]) -> Rules:
        """See Design."""
        return self.of.rules(factors)

    def cells(self, factors: Sequence[DesignFactor]) -> list[tuple[int, ...]]:
        """See Design; the cells of `of` come first. Raises DesignError where a mirrored cell is forbidden."""
        cells, rules, mirrored = inner_cells(self.of, factors), self.rules(factors), self._mirrored(factors)
        levels = np.array(cells, int)
        last = np.array(rules.counts, int)[mirrored] - 1
        levels[:, mirrored] = last - levels[:, mirrored]
        levels = rules.settled(levels)
        if not rules.allowed(levels).all():
            bad = levels[~rules.allowed(levels)][0]
            written = ", ".join(f"{factor.name}: {factor.names[i]}" for factor, i in zip(factors, bad, strict=True))
            raise DesignError(
                f"factors: turning them round makes the forbidden combination {{{written}}}; turn fewer factors round, "
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
