"""The runs of a simulated study: cells of level positions, each run once in every block."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product
from math import prod

import numpy as np
from jaxtyping import Float, Int

from ablate.core.errors import DesignError
from ablate.inference.factor_levels import FactorLevels

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MOST_CELLS = 10_000
COUNTS = re.compile(r"[1-9]\d*(x[1-9]\d*)*")


@dataclass(frozen=True, eq=False)
class Layout:
    """The factors of a simulated study, its cells as positions of levels, and its number of blocks (seeds).

    `tested` are the pairs of factors, by path, whose interactions are tested; None stands for all.
    """

    factors: tuple[FactorLevels, ...]
    cells: Int[np.ndarray, "cell factor"]
    blocks: int
    tested: tuple[tuple[str, str], ...] | None = None

    @classmethod
    def crossed(cls, levels: Sequence[int], blocks: int) -> "Layout":
        """Return the crossing of factors A, B, ... with these numbers of levels: 1 (the baseline), 2, ..."""
        factors = tuple(
            FactorLevels(LETTERS[i], LETTERS[i], tuple(str(level + 1) for level in range(count)), "1")
            for i, count in enumerate(levels)
        )
        return cls(factors, np.array(list(product(*map(range, levels)))), blocks)

    @cached_property
    def crossed_pairs(self) -> tuple[tuple[int, int], ...]:
        """Tested pairs whose combinations of levels occur equally often: an interaction alone can be planted there."""
        return tuple(
            (first, second)
            for first, second in combinations(range(len(self.factors)), 2)
            if self._is_tested(first, second) and len(set(self._pair_counts(first, second).flat)) == 1
        )

    def baseline_first(self, factor: int) -> list[int]:
        """Return the positions of a factor's levels, the baseline first."""
        levels = self.factors[factor]
        base = levels.levels.index(levels.baseline)
        return [base, *(position for position in range(len(levels.levels)) if position != base)]

    def contrast(self, means: Float[np.ndarray, " cell"], factor: int, weights: Float[np.ndarray, " level"]) -> float:
        """Return the true contrast of a factor: the weighted sum of its levels, averaged over the other factors.

        The average is over the combinations of the other factors with which every weighted level is run. If there are
        none, it is the least-squares main effect, which is exact if the means are sums of main effects.
        """
        context = np.unique(np.delete(self.cells, factor, axis=1), axis=0, return_inverse=True)[1].reshape(-1)
        table = np.full((context.max() + 1, len(weights)), np.nan)
        table[context, self.cells[:, factor]] = means
        used = np.flatnonzero(weights)
        matched = table[np.isfinite(table[:, used]).all(axis=1)][:, used] @ weights[used]
        return float(matched.mean()) if len(matched) else float(self._main_effect(means, factor) @ weights)

    def _is_tested(self, first: int, second: int) -> bool:
        pair = {self.factors[first].path, self.factors[second].path}
        return self.tested is None or any(pair == set(tested) for tested in self.tested)

    def _main_effect(self, means: Float[np.ndarray, " cell"], factor: int) -> Float[np.ndarray, " level"]:
        counts = [len(levels.levels) for levels in self.factors]
        columns = [self.cells[:, position] == level for position, n in enumerate(counts) for level in range(n)]
        solution = np.linalg.lstsq(np.column_stack(columns).astype(float), means, rcond=None)[0]
        effect: np.ndarray = np.split(solution, np.cumsum(counts)[:-1])[factor]
        return effect

    def _pair_counts(self, first: int, second: int) -> Int[np.ndarray, "first second"]:
        counts = np.zeros((len(self.factors[first].levels), len(self.factors[second].levels)), int)
        np.add.at(counts, (self.cells[:, first], self.cells[:, second]), 1)
        return counts


def level_counts(text: str) -> tuple[int, ...]:
    """Return the number of levels of each factor, written as "3x3x2". Raises DesignError for any other text."""
    counts = tuple(map(int, text.split("x"))) if COUNTS.fullmatch(text) else ()
    if not counts or min(counts) < 2 or len(counts) > len(LETTERS) or prod(counts) > MOST_CELLS:  # noqa: PLR2004  # one level is no factor
        raise DesignError(
            f"--levels: found {text!r}; must be the number of levels of every factor, 2 or more, as in 3x3x2, for at "
            f"most {len(LETTERS)} factors and {MOST_CELLS} cells"
        )
    return counts
