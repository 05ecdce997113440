"""Cells chosen for a model, beside those that are there already."""

from collections.abc import Sequence
from itertools import islice
from typing import Annotated

import numpy as np
from jaxtyping import Int
from pydantic import Field

from ablate.core.errors import DesignError
from ablate.core.seeds import derive
from ablate.design.aliasing import aliases, in_words
from ablate.design.coordinate_exchange import exchanged
from ablate.design.design import MOST_CELLS, DesignFactor
from ablate.design.model_matrix import Pair, model_matrix, parameters
from ablate.design.rules import Cell, Rules

ROOM = 4
MOST_RESTARTS = 200
WORK = 200_000_000  # numbers touched in one pass over all starts: some seconds in all

CellCount = Annotated[int, Field(ge=1, le=MOST_CELLS)]
Restarts = Annotated[int, Field(ge=1, le=10_000)] | None
SearchSeed = Annotated[int, Field(ge=0)]


class OptimalCells:
    """The search over the cells of some factors: which are allowed, and which are kept."""

    def __init__(self, factors: Sequence[DesignFactor], rules: Rules, kept: Sequence[Cell] = ()) -> None:
        self._factors, self._rules, self._kept = factors, rules, list(kept)

    def free(self, most: int) -> list[Cell]:
        """Return the cells that may be added; no more than `most` of them."""
        kept = set(self._kept)
        return list(islice((cell for cell in self._rules.cells() if cell not in kept), most))

    def chosen(self, count: int, pairs: Sequence[Pair], restarts: int | None, seed: int) -> list[Cell]:
        """Return `count` more cells that make |X'X| largest for all main effects and these interactions.

        Without a number of `restarts` there are 200 of them, fewer where the search would take long.
        Raises DesignError where the cells together cannot tell the model's terms apart.
        """
        rng = np.random.default_rng(derive(seed, "design"))
        pool = self.free(ROOM * count)
        if len(pool) == count:
            added = sorted(pool)
        else:
            starts = [self._start(count, pool, rng) for _ in range(restarts or self._restarts(count, pairs))]
            added = exchanged(self._rules, pairs, self._kept, starts)
        self._refuse_tangled(np.array([*self._kept, *added], int), pairs)
        return added

    def _refuse_tangled(self, levels: Int[np.ndarray, "cell factor"], pairs: Sequence[Pair]) -> None:
        matrix = model_matrix(levels, self._rules.counts, pairs)
        if np.linalg.matrix_rank(matrix) == matrix.shape[1]:
            return
        tangled = [in_words(alias) for alias in aliases(levels, self._factors, pairs) if alias.in_model]
        more = f" (and {len(tangled) - 1} more)" * (len(tangled) > 1)
        raise DesignError(
            f"no {len(levels)} cells were found that tell all effects apart: "
            f"{tangled[0] if tangled else 'some level is never run'}{more}; give more cells, leave interactions out, "
            "or loosen 'forbid' and 'only_when'"
        )

    def _restarts(self, count: int, pairs: Sequence[Pair]) -> int:
        counts = self._rules.counts
        return min(MOST_RESTARTS, 1 + WORK // (count * sum(counts) * parameters(counts, pairs) ** 2))

    def _start(self, count: int, pool: Sequence[Cell], rng: np.random.Generator) -> list[Cell]:
        """Return distinct cells at random: from the pool where it holds every free cell, else drawn one by one."""
        if len(pool) < ROOM * count:
            return [pool[index] for index in rng.permutation(len(pool))[:count]]
        cells = dict.fromkeys(self._kept)
        while len(cells) < len(self._kept) + count:
            cells[self._rules.draw(rng)] = None
        return list(cells)[len(self._kept) :]
