"""Power of the F tests of three to five seeds, by simulating the mean squares that they compare.

F = MS / max(remainder, by_seed, pool), with Holm's adjustment over the main effects, as the analysis computes it.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

from ablate.core.seeds import derive
from ablate.planning.planned_effects import PlannedEffect, PlannedEffects
from ablate.planning.power import NO_POWER, PowerCurve, shared_curves

STUDIES = 4_000  # power is then known to half a percentage point


def few_seed_power(effects: PlannedEffects, seeds: int, alpha: float, seed_sd: float) -> list[PowerCurve]:
    """Return the power of each effect, alone in its study, with this number of seeds.

    An interaction has none, since few seeds test none, and neither has a main effect without degrees of freedom for an
    error term. `seed_sd` is the standard deviation of an effect between seeds, in standard deviations of a run.
    """
    squares = {
        place: squares
        for place, squares in enumerate(_simulated(effects, seeds, seed_sd))
        if not effects.effects[place].hypothesis.is_interaction
        and has_error_terms(effects, effects.effects[place], seeds)
    }
    idle_p = {place: _p_without_effect(test) for place, test in squares.items()}

    def curve(place: int) -> PowerCurve:
        if place not in squares:
            return NO_POWER
        competing = np.array([p for position, p in idle_p.items() if position != place]).reshape(-1, STUDIES)
        return PowerCurve(_thresholds(squares[place], _levels(competing, alpha)))

    return shared_curves(effects, seed_sd, curve)


def has_error_terms(effects: PlannedEffects, effect: PlannedEffect, seeds: int) -> bool:
    """Return whether the F test of a main effect has degrees of freedom for all its error terms."""
    return seeds > 1 and effects.cells - 1 - effect.width >= 1


@dataclass(frozen=True, eq=False)
class _Squares:
    """The parts of one effect's F ratio in simulated studies without an effect.

    `along` are the sums of its scores over the seeds' root, and `unit` what an effect of size 1 adds to them. `error`
    is the largest of the three error terms.
    """

    along: Float[np.ndarray, "study axis"]
    unit: Float[np.ndarray, " axis"]
    error: Float[np.ndarray, " study"]
    denominator_df: int


def _simulated(effects: PlannedEffects, seeds: int, seed_sd: float) -> list[_Squares]:
    """Return the parts of the F ratios of the effects; all studies share the noise of their runs.

    Noise is drawn in the space of all main effects and pairs: once for the mean over seeds, and seeds - 1 times for the
    differences between seeds. What lies outside that space adds to the remainder alone, as a chi-squared variable.
    """
    generator = np.random.default_rng(derive(0, "simulation"))
    terms, outside = effects.terms, effects.cells - 1 - effects.terms.shape[1]
    drawn = generator.standard_normal((STUDIES, seeds, terms.shape[1]))
    for effect in effects.effects:
        if seed_sd and not effect.hypothesis.is_trend:
            varies = generator.standard_normal((STUDIES, seeds, effect.width)) * (seed_sd / effect.error)
            drawn += varies @ (terms.T @ effect.pattern).T
    mean, between = drawn[:, 0], drawn[:, 1:]  # an orthogonal contrast over seeds of independent noise is such noise
    pool = (between**2).sum(axis=(1, 2))
    freedom = (seeds - 1) * outside
    total = pool + (generator.chisquare(freedom, STUDIES) if freedom else 0.0)
    squares = []
    for effect in effects.effects:
        columns = np.linalg.qr(terms.T @ effect.pattern)[0]
        by_seed = ((between @ columns) ** 2).sum(axis=(1, 2))
        remainder_df = max(1, (seeds - 1) * (effects.cells - 1 - effect.width))
        error = np.max(
            [
                by_seed / ((seeds - 1) * effect.width),
                (total - by_seed) / remainder_df,
                pool / ((seeds - 1) * terms.shape[1]),
            ],
            axis=0,
        )
        along = mean @ (terms.T @ effect.axes)
        squares.append(_Squares(along, effect.unit * np.sqrt(seeds), error, remainder_df))
    return squares


def _p_without_effect(test: _Squares) -> Float[np.ndarray, " study"]:
    width = len(test.unit)
    p: np.ndarray = stats.f.sf((test.along**2).sum(axis=1) / width / test.error, width, test.denominator_df)
    return p


def _levels(p_of_others: Float[np.ndarray, "other study"], alpha: float) -> Float[np.ndarray, " study"]:
    """Return the level of Holm's step at which each study tests an effect: stricter ones are taken by other tests."""
    family = len(p_of_others) + 1
    steps = alpha / (family - np.arange(len(p_of_others)))
    rejected = np.cumprod(np.sort(p_of_others, axis=0) <= steps[:, np.newaxis], axis=0).sum(axis=0)
    levels: np.ndarray = alpha / (family - rejected)
    return levels


def _thresholds(test: _Squares, levels: Float[np.ndarray, " study"]) -> Float[np.ndarray, " study"]:
    """Return the size from which on each study's F ratio is significant.

    The squared length of along + size x unit must reach width x error x the critical value: a quadratic equation.
    """
    width = len(test.unit)
    critical = stats.f.isf(levels, width, test.denominator_df)
    needed = width * test.error * critical
    slope, square = test.along @ test.unit, float(test.unit @ test.unit)
    under_root = slope**2 - square * ((test.along**2).sum(axis=1) - needed)
    sizes = (np.sqrt(np.maximum(under_root, 0)) - slope) / square
    return np.where(under_root < 0, 0.0, np.maximum(sizes, 0.0))
