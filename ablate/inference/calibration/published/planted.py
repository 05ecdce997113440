"""What is true of a simulated table: which factors and pairs have an effect, and how large it is."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
from jaxtyping import Float

from ablate.inference.calibration.published.runs import SimulatedRuns

Means = Float[np.ndarray, " run"]
Pairs = frozenset[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Truth:
    """The positions of the factors and pairs that have an effect, and the true means of levels.

    `causes` have an effect on average. `pairs` interact. `relevant` are the factors that must not be cleared: an effect
    of theirs, on average or in a context, reaches the margin. `to_detect` are the factors that must be named.
    `level_means` are the means of each factor's levels, averaged over the other factors; None where they depend on how
    one averages, so that no interval can be judged.
    """

    causes: frozenset[int] = frozenset()
    pairs: Pairs = frozenset()
    relevant: frozenset[int] = frozenset()
    to_detect: frozenset[int] = frozenset()
    level_means: tuple[Float[np.ndarray, "..."], ...] | None = None

    @property
    def active(self) -> frozenset[int]:
        """The factors that have an effect, alone or with others."""
        return self.causes | {factor for pair in self.pairs for factor in pair}


class Effects(ABC):
    """Plants effects, in standard deviations of a run."""

    @abstractmethod
    def plant(self, runs: SimulatedRuns, generator: np.random.Generator) -> tuple[Means, Truth]:
        """Return the mean of every run, and what is true of the table."""


@final
@dataclass(frozen=True)
class NoEffects(Effects):
    """No factor has an effect."""

    def plant(self, runs: SimulatedRuns, generator: np.random.Generator) -> tuple[Means, Truth]:  # noqa: ARG002  # nothing
        """See Effects."""
        return np.zeros(len(runs.block)), Truth(level_means=additive_means(runs.counts, {}))


@final
@dataclass(frozen=True)
class AdditiveEffects(Effects):
    """Factors that raise the response evenly from their first level, by `sizes` at their last; by position.

    Factors with an effect of at least `margin` must not be cleared.
    """

    sizes: tuple[tuple[int, float], ...]
    margin: float = np.inf

    def plant(self, runs: SimulatedRuns, generator: np.random.Generator) -> tuple[Means, Truth]:  # noqa: ARG002  # fixed
        """See Effects."""
        sizes = dict(self.sizes)
        means = additive_means(runs.counts, sizes)
        causes = frozenset(sizes)
        relevant = frozenset(factor for factor, size in sizes.items() if abs(size) >= self.margin)
        return _sum_of(means, runs), Truth(causes, relevant=relevant, to_detect=causes, level_means=means)


@final
@dataclass(frozen=True)
class SwingingEffects(Effects):
    """Beside additive effects, factors whose effect differs from seed to seed, and is 0 on average over seeds.

    `swings` are the standard deviations over seeds of the difference between a factor's last and first level;
    `pair_swing` is that of half the interaction of the first two factors.
    """

    swings: tuple[tuple[int, float], ...] = ()
    pair_swing: float = 0.0
    additive: AdditiveEffects | NoEffects = field(default_factory=NoEffects)

    def plant(self, runs: SimulatedRuns, generator: np.random.Generator) -> tuple[Means, Truth]:
        """See Effects."""
        means, truth = self.additive.plant(runs, generator)
        for factor, swing in self.swings:
            by_seed = swing * generator.standard_normal(runs.blocks)
            means = means + by_seed[runs.block] * _scores(runs, factor) / 2
        if self.pair_swing:
            by_seed = self.pair_swing * generator.standard_normal(runs.blocks)
            means = means + by_seed[runs.block] * _scores(runs, 0) * _scores(runs, 1)
        return means, truth


@final
@dataclass(frozen=True)
class CrossedPair(Effects):
    """The first two factors act only together: one raises the response by `size` at one end of the other factor.

    At the other end it lowers the response by `size`, so that neither has an effect on average.
    """

    size: float

    def plant(self, runs: SimulatedRuns, generator: np.random.Generator) -> tuple[Means, Truth]:  # noqa: ARG002  # fixed
        """See Effects."""
        means = self.size / 2 * _scores(runs, 0) * _scores(runs, 1)
        pair = frozenset({0, 1})
        truth = Truth(
            pairs=frozenset({(0, 1)}),
            relevant=pair,
            to_detect=pair,
            level_means=additive_means(runs.counts, {}),
        )
        return means, truth


@final
@dataclass(frozen=True)
class ThreeFactorXOR(Effects):
    """The first three factors, of two levels, decide by XOR: the response changes by `swing`, whichever one changes."""

    swing: float

    def plant(self, runs: SimulatedRuns, generator: np.random.Generator) -> tuple[Means, Truth]:  # noqa: ARG002  # fixed
        """See Effects."""
        means = self.swing / 2 * _scores(runs, 0) * _scores(runs, 1) * _scores(runs, 2)
        return means, Truth(relevant=frozenset({0, 1, 2}), level_means=additive_means(runs.counts, {}))


@final
@dataclass(frozen=True)
class OneContext(Effects):
    """The first factor, of two levels, moves the response by `shift` in one combination of the other factors."""

    shift: float

    def plant(self, runs: SimulatedRuns, generator: np.random.Generator) -> tuple[Means, Truth]:  # noqa: ARG002  # fixed
        """See Effects."""
        context = (runs.levels[:, 1:] == 0).all(axis=1)
        means = np.where(context & (runs.levels[:, 0] == 1), self.shift, 0.0)
        every = frozenset(range(len(runs.counts)))
        pairs = frozenset((first, second) for first in every for second in every if first < second)
        return means, Truth(every, pairs, relevant=frozenset({0}))


@final
@dataclass(frozen=True)
class MultipliedEffects(Effects):
    """Factors whose effects multiply: additive `sizes` on the logarithm of the response.

    On the scale of the response, causes interact with each other, and no difference of levels is the same everywhere.
    """

    sizes: tuple[tuple[int, float], ...]

    def plant(self, runs: SimulatedRuns, generator: np.random.Generator) -> tuple[Means, Truth]:
        """See Effects."""
        means, truth = AdditiveEffects(self.sizes).plant(runs, generator)
        causes = sorted(truth.causes)
        pairs = frozenset((a, b) for a in causes for b in causes if a < b)
        return means, Truth(truth.causes, pairs, to_detect=truth.causes)


def additive_means(counts: Sequence[int], sizes: dict[int, float]) -> tuple[Float[np.ndarray, "..."], ...]:
    """Return the mean of each factor's levels: from 0 evenly to the factor's size."""
    return tuple(np.linspace(0, sizes.get(factor, 0.0), count) for factor, count in enumerate(counts))


def _sum_of(means: Sequence[Float[np.ndarray, "..."]], runs: SimulatedRuns) -> Means:
    total = np.zeros(len(runs.block))
    for factor, by_level in enumerate(means):
        total += by_level[runs.levels[:, factor]]
    return total


def _scores(runs: SimulatedRuns, factor: int) -> Means:
    """Return a score of each run's level: evenly from -1 at the factor's first level to 1 at its last."""
    last = runs.counts[factor] - 1
    scores: np.ndarray = (2 * runs.levels[:, factor] - last) / last
    return scores
