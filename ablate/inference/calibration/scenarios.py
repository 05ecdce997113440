"""The scenarios of a calibration: what is true of a simulated study, and the noise that hides it.

SCENARIOS lists them all. A new scenario is a class and one entry of that list.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
from jaxtyping import Bool, Float

from ablate.core.seeds import derive
from ablate.inference.calibration.layout import Layout
from ablate.inference.run_table import RunTable

Runs = Float[np.ndarray, "cell block"]
Marked = Bool[np.ndarray, "cell block"]


@dataclass(frozen=True)
class Sizes:
    """The sizes of what is planted, in standard deviations of a run about its cell and seed.

    `effect` lies between a cause's baseline and its furthest level. `interaction` is the effect of one factor of a pair
    at one end of the other factor, and minus its effect at the other end. `margin` is the equivalence margin.
    """

    effect: float = 1.0
    interaction: float = 2.0
    margin: float = 0.5


@dataclass(frozen=True, eq=False)
class PlantedTruth:
    """The true mean of every cell, and the positions of the factors that move it: each alone, or only as a pair."""

    means: Float[np.ndarray, " cell"]
    causes: tuple[int, ...] = ()
    pair: tuple[int, int] | None = None


class Scenario(ABC):
    """Plants a truth in a layout, and draws the noise around it: independent, normal, with standard deviation 1."""

    name: ClassVar[str]
    title: ClassVar[str]

    def fits(self, layout: Layout) -> bool:  # noqa: ARG002  # every layout fits, unless a scenario says otherwise
        """Return whether the scenario can be planted in this layout."""
        return True

    def simulated_layout(self, layout: Layout, generator: np.random.Generator) -> Layout:  # noqa: ARG002  # unchanged
        """Return the layout that is simulated."""
        return layout

    @abstractmethod
    def plant(self, layout: Layout, sizes: Sizes, generator: np.random.Generator) -> PlantedTruth:
        """Choose what is true of the study."""

    def noise(self, layout: Layout, planted: PlantedTruth, generator: np.random.Generator) -> Runs:  # noqa: ARG002  # the same everywhere
        """Draw the difference between each run and the sum of its cell's mean and its seed's effect."""
        return generator.standard_normal((len(layout.cells), layout.blocks))

    def lost(self, layout: Layout, planted: PlantedTruth, generator: np.random.Generator) -> Marked:  # noqa: ARG002  # none is
        """Draw which runs end without a response."""
        return np.zeros((len(layout.cells), layout.blocks), bool)


@final
class NoEffect(Scenario):
    """No factor has an effect: every cause that is named is an error."""

    name = "no_effect"
    title = "no effect"

    def plant(self, layout: Layout, sizes: Sizes, generator: np.random.Generator) -> PlantedTruth:  # noqa: ARG002  # nothing
        """See Scenario."""
        return PlantedTruth(np.zeros(len(layout.cells)))


class OneCause(Scenario):
    """One factor, drawn at random for every study, moves the response by `effect`; the others have no effect."""

    name = "one_cause"
    title = "one cause"

    def plant(self, layout: Layout, sizes: Sizes, generator: np.random.Generator) -> PlantedTruth:
        """See Scenario."""
        return _plant_cause(layout, sizes.effect, generator)


@final
class PureInteraction(Scenario):
    """Two factors, drawn at random for every study, have an effect together, and none on average.

    The mean of a cell is half of `interaction` times the product of both levels' scores, spaced evenly from -1 to +1.
    """

    name = "pure_interaction"
    title = "pure interaction"

    def fits(self, layout: Layout) -> bool:
        """See Scenario: only a layout in which two factors are crossed."""
        return bool(layout.crossed_pairs)

    def plant(self, layout: Layout, sizes: Sizes, generator: np.random.Generator) -> PlantedTruth:
        """See Scenario."""
        first, second = layout.crossed_pairs[generator.integers(len(layout.crossed_pairs))]
        product = _scores(layout, first) * _scores(layout, second)
        return PlantedTruth(sizes.interaction / 2 * product, pair=(first, second))


@final
class EffectAtMargin(Scenario):
    """One factor moves the response by exactly the margin: the hardest case in which "not a cause" is wrong."""

    name = "effect_at_margin"
    title = "effect as large as the margin"

    def plant(self, layout: Layout, sizes: Sizes, generator: np.random.Generator) -> PlantedTruth:
        """See Scenario."""
        return _plant_cause(layout, sizes.margin, generator)


@final
class HeavyTails(OneCause):
    """One cause, under noise from Student's t with 3 degrees of freedom, scaled to a standard deviation of 1."""

    name = "heavy_tails"
    title = "heavy tails"
    freedom: ClassVar[int] = 3  # the fewest with a finite variance

    def noise(self, layout: Layout, planted: PlantedTruth, generator: np.random.Generator) -> Runs:  # noqa: ARG002  # the same everywhere
        """See Scenario."""
        drawn = generator.standard_t(self.freedom, (len(layout.cells), layout.blocks))
        noise: np.ndarray = drawn / np.sqrt(self.freedom / (self.freedom - 2))
        return noise


@final
class Skewed(OneCause):
    """One cause, under log-normal noise (sigma 1, skewness 6.2), shifted to mean 0 and scaled to SD 1."""

    name = "skewed"
    title = "skewed noise"
    sigma: ClassVar[float] = 1.0

    def noise(self, layout: Layout, planted: PlantedTruth, generator: np.random.Generator) -> Runs:  # noqa: ARG002  # the same everywhere
        """See Scenario."""
        drawn = generator.lognormal(0, self.sigma, (len(layout.cells), layout.blocks))
        mean = np.exp(self.sigma**2 / 2)
        noise: np.ndarray = (drawn - mean) / (mean * np.sqrt(np.expm1(self.sigma**2)))
        return noise


@final
class UnequalVariances(OneCause):
    """One cause; a second factor changes only the noise: its SD grows 3-fold from the first to the last level.

    It grows by equal ratios from level to level, and its mean square over the levels is 1.
    """

    name = "unequal_variances"
    title = "unequal variances"
    ratio: ClassVar[float] = 3.0

    def noise(self, layout: Layout, planted: PlantedTruth, generator: np.random.Generator) -> Runs:
        """See Scenario."""
        factor = _draw_idle_factor(layout, planted, generator)
        spread = np.geomspace(1, self.ratio, len(layout.factors[factor].levels))
        spread /= np.sqrt(np.mean(spread**2))
        drawn = generator.standard_normal((len(layout.cells), layout.blocks))
        return spread[layout.cells[:, factor], None] * drawn


@final
class MissingRuns(OneCause):
    """One cause; a tenth of the runs, drawn at random, have no response."""

    name = "missing_runs"
    title = "missing runs"
    share: ClassVar[float] = 0.1

    def lost(self, layout: Layout, planted: PlantedTruth, generator: np.random.Generator) -> Marked:  # noqa: ARG002  # at random
        """See Scenario."""
        return generator.random((len(layout.cells), layout.blocks)) < self.share


@final
class DivergingLevel(OneCause):
    """One cause; 30 % of the runs at the last level of a second factor have no response, elsewhere 5 %."""

    name = "diverging_level"
    title = "a level that diverges"
    at_level: ClassVar[float] = 0.3
    elsewhere: ClassVar[float] = 0.05

    def lost(self, layout: Layout, planted: PlantedTruth, generator: np.random.Generator) -> Marked:
        """See Scenario."""
        factor = _draw_idle_factor(layout, planted, generator)
        last = layout.cells[:, factor] == len(layout.factors[factor].levels) - 1
        share = np.where(last, self.at_level, self.elsewhere)[:, None]
        return generator.random((len(layout.cells), layout.blocks)) < share


@final
class FewSeeds(OneCause):
    """One cause; every study has two or three seeds, whatever the number in the design."""

    name = "few_seeds"
    title = "two or three seeds"
    seeds: ClassVar[tuple[int, ...]] = (2, 3)

    def simulated_layout(self, layout: Layout, generator: np.random.Generator) -> Layout:
        """See Scenario."""
        return replace(layout, blocks=int(generator.choice(self.seeds)))


@final
class SeedDependent(OneCause):
    """One cause; in every seed, every level of every factor has an extra effect: normal, with SD 0.5.

    Averaged over seeds these effects are 0. Tests that permute matched runs assume that there are none, so this
    scenario shows the error rate of their verdicts where that assumption is false.
    """

    name = "seed_dependent"
    title = "effects that change with the seed"
    spread: ClassVar[float] = 0.5

    def noise(self, layout: Layout, planted: PlantedTruth, generator: np.random.Generator) -> Runs:
        """See Scenario."""
        drawn = super().noise(layout, planted, generator)
        for position, factor in enumerate(layout.factors):
            effects = self.spread * generator.standard_normal((len(factor.levels), layout.blocks))
            drawn += effects[layout.cells[:, position]]
        return drawn


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        NoEffect(),
        OneCause(),
        PureInteraction(),
        EffectAtMargin(),
        HeavyTails(),
        Skewed(),
        UnequalVariances(),
        MissingRuns(),
        DivergingLevel(),
        FewSeeds(),
        SeedDependent(),
    )
}


@dataclass(frozen=True, eq=False)
class SimulatedStudy:
    """A table of runs, the layout and the truth that it was drawn from, and the seed of its analysis."""

    table: RunTable
    layout: Layout
    planted: PlantedTruth
    seed: int


def simulate(scenario: Scenario, layout: Layout, sizes: Sizes, seed: int, number: int) -> SimulatedStudy:
    """Draw study `number` of a scenario: equal arguments give an equal study, in any process and any order.

    A run is the sum of its cell's mean, its seed's effect (normal, standard deviation 1) and noise.
    """
    entropy = [derive(seed, "simulation"), int.from_bytes(scenario.name.encode()), number]
    generator = np.random.default_rng(entropy)
    layout = scenario.simulated_layout(layout, generator)
    planted = scenario.plant(layout, sizes, generator)
    blocks = generator.standard_normal(layout.blocks)
    response = planted.means[:, None] + blocks + scenario.noise(layout, planted, generator)
    response[scenario.lost(layout, planted, generator)] = np.nan
    return SimulatedStudy(table_of(layout, response), layout, planted, int(generator.integers(2**31)))


def table_of(layout: Layout, response: Runs) -> RunTable:
    """Return the responses of all cells and blocks as a table of runs; NaN marks a failed run."""
    return RunTable(
        factors=layout.factors,
        blocks=tuple(map(str, range(layout.blocks))),
        levels=np.repeat(layout.cells, layout.blocks, axis=0),
        block=np.tile(np.arange(layout.blocks), len(layout.cells)),
        response=response.reshape(-1),
        outcome=tuple(np.where(np.isnan(response), "failed", "finished").reshape(-1).tolist()),
    )


def _plant_cause(layout: Layout, size: float, generator: np.random.Generator) -> PlantedTruth:
    """Plant one cause, a factor drawn at random: 0 at its baseline, rising evenly over its other levels to `size`."""
    factor = int(generator.integers(len(layout.factors)))
    order = layout.baseline_first(factor)
    rise = np.empty(len(order))
    rise[order] = np.linspace(0, size, len(order))
    return PlantedTruth(rise[layout.cells[:, factor]], causes=(factor,))


def _draw_idle_factor(layout: Layout, planted: PlantedTruth, generator: np.random.Generator) -> int:
    """Draw a factor that is not a cause; the cause itself if the layout has only that."""
    idle = [position for position in range(len(layout.factors)) if position not in planted.causes]
    return int(generator.choice(idle or list(planted.causes)))


def _scores(layout: Layout, factor: int) -> Float[np.ndarray, " cell"]:
    """Return the score of every cell's level; the scores of a factor's levels add up to exactly 0."""
    last = len(layout.factors[factor].levels) - 1
    return (2 * layout.cells[:, factor] - last) / last
