"""A scenario of the published calibration: how its tables are drawn, how they are analyzed, and which limits hold."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr
from scipy.stats import beta

from ablate.core.seeds import derive
from ablate.inference.calibration.published.limits import Limit
from ablate.inference.calibration.published.losses import Losses, NothingLost
from ablate.inference.calibration.published.noises import Noise, NormalNoise
from ablate.inference.calibration.published.planted import Effects, NoEffects, Truth
from ablate.inference.calibration.published.runs import RunChoice, SimulatedRuns
from ablate.inference.run_table import RunTable

NULL_STUDIES = 3_000  # an error rate of 5 % is then known to 0.8 percentage points
POWER_STUDIES = 1_000  # and a power to 3

Scale = Literal["plain", "exponential", "zeros", "beta", "far_from_zero"]
Values = Float[np.ndarray, " run"]


@dataclass(frozen=True)
class GrowingStudy:
    """Analyses while the study grows: after each seed from `first` to `last`, until the study stops.

    A planned study stops when every factor is decided. If `is_planned` is false, seeds are added until any effect is
    claimed, and no analysis knows of the others.
    """

    first: int
    last: int
    is_planned: bool = True


@dataclass(frozen=True)
class PublishedScenario:
    """Draws tables of runs, and names the limits that their verdicts must hold.

    `scale` transforms the sum of means, seed effects and noise. `margin` is the equivalence margin. `pairs` says
    whether interactions are tested. `draws_of` is the scenario whose draws this one shares, by default its own name.
    `analyzed_seeds`: only the runs of the first seeds are analyzed. `weak_spot` says where the method is known to err;
    it is empty if no such case is known. `may_refuse`: an error in words counts as no claim.
    """

    name: str
    group: str
    title: str
    runs: RunChoice
    limits: tuple[Limit, ...]
    effects: Effects = field(default_factory=NoEffects)
    noise: Noise = field(default_factory=NormalNoise)
    losses: Losses = field(default_factory=NothingLost)
    scale: Scale = "plain"
    margin: float | None = None
    pairs: bool = True
    growth: GrowingStudy | None = None
    studies: int = NULL_STUDIES
    draws_of: str = ""
    analyzed_seeds: int | None = None
    weak_spot: str = ""
    may_refuse: bool = False

    def table(self, seed: int, number: int) -> "SimulatedTable":
        """Draw table `number`: equal arguments give an equal table, in any process and any order."""
        entropy = [derive(seed, "simulation"), int.from_bytes((self.draws_of or self.name).encode()), number]
        generator = np.random.default_rng(entropy)
        runs = self.runs.draw(generator)
        means, truth = self.effects.plant(runs, generator)
        response = means + self.noise.draw(runs, generator)
        lost = self.losses.draw(runs, response, generator)
        response = np.where(lost, np.nan, _scaled(response, self.scale))
        outcome = np.where(lost, self.losses.outcome, "finished")
        analysis_seed = int(generator.integers(2**31))
        table = SimulatedTable(_run_table(runs, response, tuple(outcome.tolist())), truth, analysis_seed)
        return table if self.analyzed_seeds is None else replace(table, table=table.first_seeds(self.analyzed_seeds))


@dataclass(frozen=True, eq=False)
class SimulatedTable:
    """A table of runs, what is true of it, and the seed of its analysis."""

    table: RunTable
    truth: Truth
    seed: int

    def first_seeds(self, count: int) -> RunTable:
        """Return the runs of the first seeds."""
        table = self.table
        chosen = table.block < count
        return RunTable(
            factors=table.factors,
            blocks=table.blocks[:count],
            levels=table.levels[chosen],
            block=table.block[chosen],
            response=table.response[chosen],
            outcome=tuple(np.array(table.outcome)[chosen].tolist()),
        )


def _run_table(runs: SimulatedRuns, response: Values, outcome: tuple[str, ...]) -> RunTable:
    blocks = tuple(map(str, range(runs.blocks)))
    return RunTable(runs.factors, blocks, runs.levels, runs.block, response, outcome)


def _scaled(values: Values, scale: Scale) -> Values:
    """Return the response on another scale: positive, half of it zeros, in (0, 1), or far from zero."""
    match scale:
        case "plain":
            return values
        case "exponential":
            powers: np.ndarray = np.exp(values / 2)
            return powers
        case "zeros":
            positive: np.ndarray = np.maximum(values, 0)
            return positive
        case "beta":
            shares: np.ndarray = beta.ppf(ndtr(values / np.sqrt(2)), 0.5, 2)
            return shares
        case "far_from_zero":
            return 1e9 + values
