"""Whether a factor changes the response in any context: at any combination of the other factors' levels.

An average within the margin may hide effects that cancel, as those of XOR do. So a factor is not cleared before a test
of all its contexts stays quiet.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ablate.core.seeds import derive
from ablate.inference.matched import MatchedSets, matched_sets
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings

QUIET = 0.05  # a fixed level: clearing must not get easier with a stricter alpha
FEWEST_MATCHED = 0.25  # of the runs of the rarest level; a random search matches a tenth, and XOR passed there in 29 %
HITS = 50  # permutations that reach a statistic; its p-value is then known to a seventh of itself
BATCHES = (250, 750, 2_000)
BATCH_NUMBERS = 4_000_000  # numbers at a time: 32 MB
EFFORTS = ((200, 199), (200, 19), (50, 19))  # simulated studies (200 show a power to 3.5 points) and permutations
EFFORT_NUMBERS = 10_000_000  # permuted numbers, about a second
SHIFT = 2.0  # margins: a shift of one context that everybody would call larger than the margin


@dataclass(frozen=True)
class ContextCheck:
    """The test of a factor in all its contexts: the smaller p-value of its two statistics, in (0, 1].

    `shift` is a change in a single context, in the response's unit, and `power` the chance that the test notices it,
    simulated with the table's own noise; None where that was not simulated.
    """

    p: float
    contexts: int
    shift: float | None = None
    power: float | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether neither statistic is above what chance explains."""
        return self.p > QUIET


def context_check(
    table: RunTable, position: int, settings: InferenceSettings, *, less_mean: bool = False
) -> ContextCheck | None:
    """Return the test that a factor has no effect in any context; None if too few matched runs can show it.

    Runs of one seed that differ in this factor alone exchange their levels at random. Both statistics compare the mean
    responses of all pairs of levels within each context: the sum of their squared differences, and the largest one.
    With `less_mean`, the mean effect over all contexts is removed first, so that only differences between contexts
    count.
    """
    sets = matched_sets(table, (position,))
    if sets.used < FEWEST_MATCHED:
        return None
    values = sets.values - sets.values.mean(axis=1, keepdims=True)
    if less_mean:
        values = values - values.mean(axis=0)
    context = np.unique(sets.context, return_inverse=True)[1]
    generator = np.random.default_rng([derive(settings.seed, "contexts"), position])
    return ContextCheck(_p(values, context, generator, settings.draws), int(context.max()) + 1)


def with_power(check: ContextCheck, table: RunTable, position: int, settings: InferenceSettings) -> ContextCheck:
    """Return the check with its power to notice a single context that moves by two margins."""
    if settings.margin is None:
        return check
    sets = matched_sets(table, (position,))
    context = np.unique(sets.context, return_inverse=True)[1]
    noise, shift = _noise(sets, context), SHIFT * settings.margin
    generator = np.random.default_rng([derive(settings.seed, "context_power"), position])
    studies, draws = _effort(noise.size)
    noticed = 0
    for _ in range(studies):
        values = generator.choice([-1.0, 1.0], (len(noise), 1)) * noise
        values[context == generator.integers(check.contexts), -1] += shift
        noticed += _p(values, context, generator, draws) <= QUIET
    return ContextCheck(check.p, check.contexts, shift, noticed / studies)


def _effort(numbers: int) -> tuple[int, int]:
    """Return how many studies and permutations fit into a second for sets of so many numbers."""
    return next((effort for effort in EFFORTS if effort[0] * effort[1] * numbers <= EFFORT_NUMBERS), EFFORTS[-1])


def _noise(sets: MatchedSets, context: Int[np.ndarray, " set"]) -> Float[np.ndarray, "set level"]:
    """Return the sets minus their own mean and their context's mean, at the scale that they had before."""
    values = sets.values - sets.values.mean(axis=1, keepdims=True)
    count = np.bincount(context)[:, np.newaxis]
    noise: np.ndarray = (values - _means(values[np.newaxis], context)[0][context]) * np.sqrt(
        count / np.maximum(count - 1, 1)
    )[context]
    return noise


def _p(
    values: Float[np.ndarray, "set level"], context: Int[np.ndarray, " set"], generator: np.random.Generator, draws: int
) -> float:
    """Return the smaller p-value of both statistics; drawing stops where both are known to a seventh."""
    observed = _statistics(values[np.newaxis], context)[:, 0] * (1 - 1e-9)
    reached, drawn = np.zeros(2, int), 0
    while drawn < draws and reached.min() < HITS:
        batch = next((size for size in BATCHES if drawn < size), BATCHES[-1])
        count = min(batch, draws - drawn, max(1, BATCH_NUMBERS // values.size))
        permuted = generator.permuted(np.tile(values, (count, 1)), axis=1).reshape(count, *values.shape)
        reached += (_statistics(permuted, context) >= observed[:, np.newaxis]).sum(axis=1)
        drawn += count
    return float(((1 + reached) / (1 + drawn)).min())


def _statistics(
    values: Float[np.ndarray, "draw set level"], context: Int[np.ndarray, " set"]
) -> Float[np.ndarray, "2 draw"]:
    """Return the sum over contexts of squared differences between all pairs of levels, and the largest difference."""
    means = _means(values, context)
    centered = means - means.mean(axis=2, keepdims=True)
    squares = means.shape[2] * (centered**2).sum(axis=(1, 2))  # equals the sum over all pairs of levels
    largest = (means.max(axis=2) - means.min(axis=2)).max(axis=1)
    return np.stack([squares, largest])


def _means(
    values: Float[np.ndarray, "draw set level"], context: Int[np.ndarray, " set"]
) -> Float[np.ndarray, "draw context level"]:
    order = np.argsort(context, kind="stable")
    starts = np.flatnonzero(np.diff(context[order], prepend=-1))
    sums: np.ndarray = np.add.reduceat(values[:, order], starts, axis=1)
    means: np.ndarray = sums / np.bincount(context)[:, np.newaxis]
    return means
