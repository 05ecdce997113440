"""Noise of simulated runs about the mean of their cell. Its standard deviation is 1, unless a class says otherwise."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from ablate.inference.calibration.published.runs import SimulatedRuns

Deviations = Float[np.ndarray, " run"]
QUIET = 0.1  # SD of a baseline that hardly varies


class Noise(ABC):
    """Draws what differs between a run and the mean of its cell."""

    def draw(self, runs: SimulatedRuns, generator: np.random.Generator) -> Deviations:
        """Return the effects of the seeds, normal with a standard deviation of 1, plus the noise of the runs."""
        seeds = generator.standard_normal(runs.blocks)
        deviations: np.ndarray = seeds[runs.block] + self.of_runs(runs, generator)
        return deviations

    @abstractmethod
    def of_runs(self, runs: SimulatedRuns, generator: np.random.Generator) -> Deviations:
        """Return the noise of every run, with mean 0."""


@final
@dataclass(frozen=True)
class NormalNoise(Noise):
    """Independent normal noise."""

    def of_runs(self, runs: SimulatedRuns, generator: np.random.Generator) -> Deviations:
        """See Noise."""
        return generator.standard_normal(len(runs.block))


@final
@dataclass(frozen=True)
class LogNormalNoise(Noise):
    """Log-normal noise (sigma 1, skewness 6.2), shifted to mean 0 and scaled to SD 1."""

    def of_runs(self, runs: SimulatedRuns, generator: np.random.Generator) -> Deviations:
        """See Noise."""
        return _log_normal(len(runs.block), generator)


@final
@dataclass(frozen=True)
class StudentNoise(Noise):
    """Noise from Student's t with few degrees of freedom, scaled to SD 1."""

    freedom: int = 3  # the fewest with a finite variance

    def of_runs(self, runs: SimulatedRuns, generator: np.random.Generator) -> Deviations:
        """See Noise."""
        drawn = generator.standard_t(self.freedom, len(runs.block))
        scaled: np.ndarray = drawn / np.sqrt(self.freedom / (self.freedom - 2))
        return scaled


@final
@dataclass(frozen=True)
class OutlierNoise(Noise):
    """Normal noise, with a share of runs that is several times as far off."""

    share: float = 0.05
    factor: float = 10.0

    def of_runs(self, runs: SimulatedRuns, generator: np.random.Generator) -> Deviations:
        """See Noise."""
        drawn = generator.standard_normal(len(runs.block))
        return np.where(generator.random(len(drawn)) < self.share, self.factor, 1.0) * drawn


@final
@dataclass(frozen=True)
class DriftNoise(Noise):
    """Noise that drifts in the order of the runs: a stationary autoregression of order 1 with this correlation."""

    correlation: float = 0.8

    def of_runs(self, runs: SimulatedRuns, generator: np.random.Generator) -> Deviations:
        """See Noise."""
        drawn = generator.standard_normal(len(runs.block))
        fresh = np.sqrt(1 - self.correlation**2)
        for run in range(1, len(drawn)):
            drawn[run] = self.correlation * drawn[run - 1] + fresh * drawn[run]
        return drawn


@final
@dataclass(frozen=True)
class NoisyLevel(Noise):
    """Normal noise that is `ratio` times as large at one level of one factor."""

    ratio: float
    factor: int = 0
    level: int = 1

    def of_runs(self, runs: SimulatedRuns, generator: np.random.Generator) -> Deviations:
        """See Noise."""
        spread = np.where(runs.levels[:, self.factor] == self.level, self.ratio, 1.0)
        return spread * generator.standard_normal(len(runs.block))


@final
@dataclass(frozen=True)
class QuietBaseline(Noise):
    """Log-normal noise in every cell but the baseline's, which hardly varies: it has no ghost, the others have."""

    def of_runs(self, runs: SimulatedRuns, generator: np.random.Generator) -> Deviations:
        """See Noise."""
        is_base = (runs.levels == 0).all(axis=1)
        one_sided = _log_normal(len(runs.block), generator)
        return np.where(is_base, QUIET * generator.standard_normal(len(runs.block)), one_sided)


@final
@dataclass(frozen=True)
class RepeatedSeeds(Noise):
    """Normal noise that only `distinct` seeds have; the other seeds repeat them, run by run.

    With one distinct seed, training ignores its seed.
    """

    distinct: int

    def draw(self, runs: SimulatedRuns, generator: np.random.Generator) -> Deviations:
        """See Noise: seeds that repeat each other have the same effect, too."""
        seeds = generator.standard_normal(self.distinct)
        deviations: np.ndarray = seeds[runs.block % self.distinct] + self.of_runs(runs, generator)
        return deviations

    def of_runs(self, runs: SimulatedRuns, generator: np.random.Generator) -> Deviations:
        """See Noise."""
        cell = np.unique(runs.levels, axis=0, return_inverse=True)[1].reshape(-1)
        drawn = generator.standard_normal((cell.max() + 1, self.distinct))
        repeated: np.ndarray = drawn[cell, runs.block % self.distinct]
        return repeated


def _log_normal(n: int, generator: np.random.Generator) -> Deviations:
    mean = np.exp(0.5)
    drawn: np.ndarray = (generator.lognormal(0, 1, n) - mean) / (mean * np.sqrt(np.expm1(1)))
    return drawn
