"""Which runs a simulated table has: the levels and the seed of each, in the order in which they were run."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from math import prod
from typing import Literal, final

import numpy as np
from jaxtyping import Int

from ablate.design.d_optimal import DOptimal
from ablate.design.design import DesignFactor
from ablate.inference.factor_levels import FactorLevels

LETTERS = "ABCDEFGHIJ"


@dataclass(frozen=True, eq=False)
class SimulatedRuns:
    """The runs of a table in their order, without responses. `levels` and `block` are positions, as in RunTable."""

    factors: tuple[FactorLevels, ...]
    levels: Int[np.ndarray, "run factor"]
    block: Int[np.ndarray, " run"]

    @property
    def blocks(self) -> int:
        """The number of blocks (seeds)."""
        return int(self.block.max()) + 1

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of levels of each factor."""
        return tuple(len(factor.levels) for factor in self.factors)


class RunChoice(ABC):
    """Chooses the runs of a table."""

    levels: Sequence[int]
    """Numbers of levels of the factors A, B, ..."""
    ordered: bool

    @abstractmethod
    def draw(self, generator: np.random.Generator) -> SimulatedRuns:
        """Return the runs of one table."""

    @property
    def factors(self) -> tuple[FactorLevels, ...]:
        """The factors A, B, ... with the levels 1 (the baseline), 2, ..."""
        return tuple(
            FactorLevels(letter, letter, tuple(str(level + 1) for level in range(count)), "1", ordered=self.ordered)
            for letter, count in zip(LETTERS, self.levels, strict=False)
        )

    def every_seed(self, cells: Sequence[Sequence[int]], seeds: int) -> SimulatedRuns:
        """Return the runs of these cells with each seed, one seed after another."""
        return SimulatedRuns(
            self.factors, np.tile(np.array(cells, int), (seeds, 1)), np.repeat(np.arange(seeds), len(cells))
        )


@final
@dataclass(frozen=True)
class CrossedRuns(RunChoice):
    """All cells, each with every seed."""

    levels: tuple[int, ...]
    seeds: int
    ordered: bool = False

    def draw(self, generator: np.random.Generator) -> SimulatedRuns:  # noqa: ARG002  # the same for all tables
        """See RunChoice."""
        return self.every_seed(list(product(*map(range, self.levels))), self.seeds)


@final
@dataclass(frozen=True)
class OneAtATimeRuns(RunChoice):
    """The baseline, and every other level of one factor with the others at their baselines; each with every seed."""

    levels: tuple[int, ...]
    seeds: int
    ordered: bool = False

    def draw(self, generator: np.random.Generator) -> SimulatedRuns:  # noqa: ARG002  # the same for all tables
        """See RunChoice."""
        base = [0] * len(self.levels)
        changed = [
            [*base[:factor], level, *base[factor + 1 :]]
            for factor, count in enumerate(self.levels)
            for level in range(1, count)
        ]
        return self.every_seed([base, *changed], self.seeds)


@final
@dataclass(frozen=True)
class HalfFractionRuns(RunChoice):
    """Half of the cells of two-level factors, whose last factor is the product of the others; each with every seed.

    With five factors, main effects and pairs are separate from each other (resolution V).
    """

    levels: tuple[int, ...]
    seeds: int
    ordered: bool = False

    def draw(self, generator: np.random.Generator) -> SimulatedRuns:  # noqa: ARG002  # the same for all tables
        """See RunChoice."""
        first = product(*map(range, self.levels[:-1]))
        return self.every_seed([[*cell, sum(cell) % 2] for cell in first], self.seeds)


@final
@dataclass(frozen=True)
class DOptimalRuns(RunChoice):
    """D-optimal cells for the main effects, or for all pairs, too; each with every seed."""

    levels: tuple[int, ...]
    cells: int
    seeds: int
    interactions: Literal["all", "none"] = "none"
    ordered: bool = False

    def draw(self, generator: np.random.Generator) -> SimulatedRuns:  # noqa: ARG002  # the same for all tables
        """See RunChoice."""
        return self.every_seed(_d_optimal(self.levels, self.cells, self.interactions), self.seeds)


@final
@dataclass(frozen=True)
class ConditionalRuns(RunChoice):
    """Three two-level factors; the second varies only at the second level of the first. Each cell with every seed."""

    seeds: int
    levels: tuple[int, ...] = field(default=(2, 2, 2), init=False)
    ordered: bool = False

    def draw(self, generator: np.random.Generator) -> SimulatedRuns:  # noqa: ARG002  # the same for all tables
        """See RunChoice."""
        return self.every_seed([[*pair, third] for pair in ((0, 0), (1, 0), (1, 1)) for third in range(2)], self.seeds)


@final
@dataclass(frozen=True)
class RandomSearchRuns(RunChoice):
    """Random levels and a random seed for every run, in random order; no cell has a seed twice.

    Without `seeds`, every run has a seed that no other run has.
    """

    levels: tuple[int, ...]
    rows: int
    seeds: int | None
    ordered: bool = False

    def draw(self, generator: np.random.Generator) -> SimulatedRuns:
        """See RunChoice."""
        counts = self.levels
        if self.seeds is None:
            levels = np.column_stack([generator.integers(0, count, self.rows) for count in counts])
            return SimulatedRuns(self.factors, levels, np.arange(self.rows))
        number = generator.choice(prod(counts) * self.seeds, self.rows, replace=False)
        *levels_by_factor, seed = np.unravel_index(number, (*counts, self.seeds))
        block = np.unique(seed, return_inverse=True)[1]
        return SimulatedRuns(self.factors, np.column_stack(levels_by_factor), block)


@cache
def _d_optimal(levels: tuple[int, ...], cells: int, interactions: Literal["all", "none"]) -> list[tuple[int, ...]]:
    factors = [
        DesignFactor(letter, tuple(map(str, range(count))), 0) for letter, count in zip(LETTERS, levels, strict=False)
    ]
    return list(DOptimal(size=cells, interactions=interactions).cells(factors))
