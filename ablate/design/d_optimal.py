"""The cells that estimate chosen effects best, and the search that selects them."""

from collections.abc import Sequence
from itertools import islice, product
from math import ceil
from typing import Annotated, Literal, final

import numpy as np
from jaxtyping import Int
from pydantic import Field

from ablate.core.errors import DesignError
from ablate.core.seeds import derive
from ablate.design.aliasing import aliases, in_words
from ablate.design.coordinate_exchange import coordinate_exchange
from ablate.design.design import MAX_CELLS, DesignFactor, position_of
from ablate.design.model_matrix import Pair, all_pairs, model_matrix, parameters
from ablate.design.restrictions import RestrictedDesign
from ablate.design.rules import Cell, Rules

CELLS_PER_PARAMETER = 1.5  # more cells than parameters leave degrees of freedom for terms outside the model
POOL_PER_CELL = 4  # with fewer candidates, most random draws would repeat a cell: the list is permuted instead
MAX_RESTARTS = 200
MAX_WORK = 200_000_000  # numbers touched in one pass over all starts: some seconds in total
PAIR = 2

CellCount = Annotated[int, Field(ge=1, le=MAX_CELLS)]
Restarts = Annotated[int, Field(ge=1, le=10_000)] | None
SearchSeed = Annotated[int, Field(ge=0)]
FactorPair = Annotated[list[str], Field(min_length=PAIR, max_length=PAIR)]
Interactions = Literal["all", "none"] | list[FactorPair]


@final
class DOptimal(RestrictedDesign):
    """Runs the cells that together estimate all main effects and the chosen interactions best.

    The D-criterion: the joint variance of the estimates of a linear model with these terms is smallest.
    """

    kind: Literal["d_optimal"] = "d_optimal"
    interactions: Interactions = "none"
    """Interactions to estimate besides the main effects: pairs of paths, `all`, or `none`."""
    size: CellCount | None = None
    """Number of cells. Without it: 1.5 times the parameters of the model, or all cells if there are fewer."""
    restarts: Restarts = None
    """Number of random designs from which the search starts. Without it: 200, or fewer for a large design."""
    seed: SearchSeed = 0
    """Seed of the search. Another seed may find other cells."""

    def cells(self, factors: Sequence[DesignFactor]) -> list[Cell]:
        """See Design. Raises DesignError for too few cells, and for terms that remain confounded."""
        rules, pairs = self.rules(factors), self.pairs(factors)
        n_parameters = parameters(rules.counts, pairs)
        search = CellSearch(factors, rules)
        size = self.size or ceil(CELLS_PER_PARAMETER * n_parameters)
        available = len(search.candidates(size))
        if self.size and available < self.size:
            raise DesignError(
                f"size: found {self.size}; allowed: at most {available}, the cells that these factors and restrictions "
                "have; choose a smaller size"
            )
        count = min(size, available)
        if count < n_parameters:
            raise DesignError(
                f"size: {count} cells cannot estimate the {n_parameters} parameters of {len(factors)} main effects and "
                f"{len(pairs)} interactions; give at least {n_parameters} cells, or leave interactions out"
            )
        return search.select(count, pairs, self.restarts, self.seed)

    def pairs(self, factors: Sequence[DesignFactor]) -> tuple[Pair, ...]:
        """See Design."""
        return estimable_pairs(self.interactions, factors, self.rules(factors))


def estimable_pairs(interactions: Interactions, factors: Sequence[DesignFactor], rules: Rules) -> tuple[Pair, ...]:
    """Return the chosen pairs by position; "all" means the pairs of which every combination of levels may be run.

    Raises DesignError for an unknown factor, for a factor with itself, and for a chosen pair that no design can
    estimate, because one of its combinations may never be run.
    """
    if interactions == "none":
        return ()
    if interactions == "all":
        return tuple(pair for pair in all_pairs(len(factors)) if _excluded_combination(pair, rules) is None)
    pairs = [_pair(names, factors) for names in interactions]
    for i, j in pairs:
        if combination := _excluded_combination((i, j), rules):
            first, second = factors[i].level_names[combination[0]], factors[j].level_names[combination[1]]
            raise DesignError(
                f"interactions: {factors[i].name} x {factors[j].name} cannot be estimated, because {first!r} with "
                f"{second!r} may never be run; leave the pair out, or loosen 'forbid' and 'only_when'"
            )
    return tuple(dict.fromkeys(pairs))


class CellSearch:
    """Selects cells for a linear model, in addition to cells that are fixed."""

    def __init__(self, factors: Sequence[DesignFactor], rules: Rules, fixed_cells: Sequence[Cell] = ()) -> None:
        self._factors, self._rules, self._fixed_cells = factors, rules, list(fixed_cells)

    def candidates(self, limit: int) -> list[Cell]:
        """Return cells that may be run and are not fixed, at most `limit` of them."""
        fixed_cells = set(self._fixed_cells)
        return list(islice((cell for cell in self._rules.cells() if cell not in fixed_cells), limit))

    def select(self, count: int, pairs: Sequence[Pair], restarts: int | None, seed: int) -> list[Cell]:
        """Return the `count` further cells that maximize |X'X| for all main effects and these interactions.

        `restarts` of None means 200, or fewer if the search would take long.
        Raises DesignError if the cells together leave terms of the model confounded.
        """
        rng = np.random.default_rng(derive(seed, "design"))
        pool = self.candidates(POOL_PER_CELL * count)
        if len(pool) == count:
            selected = sorted(pool)
        else:
            starts = [self._random_start(count, pool, rng) for _ in range(restarts or self._restarts(count, pairs))]
            selected = coordinate_exchange(self._rules, pairs, self._fixed_cells, starts)
        self._refuse_confounded(np.array([*self._fixed_cells, *selected], int), pairs)
        return selected

    def _refuse_confounded(self, levels: Int[np.ndarray, "cell factor"], pairs: Sequence[Pair]) -> None:
        matrix = model_matrix(levels, self._rules.counts, pairs)
        if np.linalg.matrix_rank(matrix) == matrix.shape[1]:
            return
        confounded = [in_words(alias) for alias in aliases(levels, self._factors, pairs) if alias.in_model]
        more = f" (and {len(confounded) - 1} more)" * (len(confounded) > 1)
        raise DesignError(
            f"the search found no {len(levels)} cells that separate all effects: "
            f"{confounded[0] if confounded else 'some level is never run'}{more}; add cells, leave interactions out, "
            "or loosen 'forbid' and 'only_when'"
        )

    def _restarts(self, count: int, pairs: Sequence[Pair]) -> int:
        counts = self._rules.counts
        return min(MAX_RESTARTS, 1 + MAX_WORK // (count * sum(counts) * parameters(counts, pairs) ** 2))

    def _random_start(self, count: int, pool: Sequence[Cell], rng: np.random.Generator) -> list[Cell]:
        """Return distinct random cells: from the pool if it holds every candidate, otherwise drawn singly."""
        if len(pool) < POOL_PER_CELL * count:
            return [pool[index] for index in rng.permutation(len(pool))[:count]]
        cells = dict.fromkeys(self._fixed_cells)
        while len(cells) < len(self._fixed_cells) + count:
            cells[self._rules.draw(rng)] = None
        return list(cells)[len(self._fixed_cells) :]


def _pair(names: FactorPair, factors: Sequence[DesignFactor]) -> Pair:
    first, second = sorted(position_of(name, factors, "interactions") for name in names)
    if first == second:
        raise DesignError(f"interactions: found {names[0]!r} twice; an interaction needs two different factors")
    return first, second


def _excluded_combination(pair: Pair, rules: Rules) -> tuple[int, int] | None:
    """Return the first combination of a pair's levels that may never be run; None if there is none."""
    i, j = pair
    for first, second in product(range(rules.counts[i]), range(rules.counts[j])):
        if next(rules.cells({i: first, j: second}), None) is None:
            return first, second
    return None
