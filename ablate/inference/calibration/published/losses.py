"""Which runs of a simulated table end without a response, and how."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float

from ablate.inference.calibration.published.runs import SimulatedRuns

Lost = Bool[np.ndarray, " run"]


class Losses(ABC):
    """Chooses the runs that are lost. `outcome` says how they end."""

    outcome: str

    @abstractmethod
    def draw(self, runs: SimulatedRuns, response: Float[np.ndarray, " run"], generator: np.random.Generator) -> Lost:
        """Return which runs are lost."""


@final
@dataclass(frozen=True)
class NothingLost(Losses):
    """Every run has a response."""

    outcome: str = "failed"

    def draw(self, runs: SimulatedRuns, response: Float[np.ndarray, " run"], generator: np.random.Generator) -> Lost:  # noqa: ARG002  # none
        """See Losses."""
        return np.zeros(len(runs.block), bool)


@final
@dataclass(frozen=True)
class LostAtRandom(Losses):
    """A share of the runs crashes, whatever their levels and responses."""

    share: float
    outcome: str = "crashed"

    def draw(self, runs: SimulatedRuns, response: Float[np.ndarray, " run"], generator: np.random.Generator) -> Lost:  # noqa: ARG002  # at random
        """See Losses."""
        lost: np.ndarray = generator.random(len(runs.block)) < self.share
        return lost


@final
@dataclass(frozen=True)
class SeedWithoutLevel(Losses):
    """All runs of one seed, drawn at random, with the last level of the first factor crash."""

    outcome: str = "crashed"

    def draw(self, runs: SimulatedRuns, response: Float[np.ndarray, " run"], generator: np.random.Generator) -> Lost:  # noqa: ARG002  # at random
        """See Losses."""
        seed = generator.integers(runs.blocks)
        lost: np.ndarray = (runs.block == seed) & (runs.levels[:, 0] == runs.counts[0] - 1)
        return lost


@final
@dataclass(frozen=True)
class LowestDiverge(Losses):
    """The runs with the lowest responses diverge, a share of those with the last level of the first factor."""

    share: float
    outcome: str = "diverged"

    def draw(self, runs: SimulatedRuns, response: Float[np.ndarray, " run"], generator: np.random.Generator) -> Lost:  # noqa: ARG002  # decided by the response
        """See Losses."""
        at_level = runs.levels[:, 0] == runs.counts[0] - 1
        limit = np.quantile(response[at_level], self.share)
        lost: np.ndarray = at_level & (response < limit)
        return lost
