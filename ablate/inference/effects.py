"""The effects of a factor's levels, averaged over the other factors or at one level of another."""

from collections.abc import Iterator
from itertools import product

import numpy as np
from jaxtyping import Float
from scipy.special import gammaln

from ablate.inference.contrasts import Contrast, contrasts, difference
from ablate.inference.estimate import Estimate, from_sets
from ablate.inference.hypotheses import Hypothesis
from ablate.inference.inference import Effect, SimpleEffect, Test, Unit
from ablate.inference.interval import interval
from ablate.inference.linear_model import LinearModel
from ablate.inference.matched import MatchedSets, matched_sets
from ablate.inference.monte_carlo import Draws
from ablate.inference.multiplicity import holm
from ablate.inference.permutation import contrast_p
from ablate.inference.run_table import RunTable
from ablate.inference.settings import FEWEST_BLOCKS, InferenceSettings

Tested = tuple[Test, float | None]
Deviation = tuple[float | None, int]


def effects_of(  # a factor, its test, and what both rest on
    table: RunTable,
    own: Hypothesis,
    model: LinearModel,
    settings: InferenceSettings,
    tested: Tested,
    deviation: Deviation,
) -> tuple[Effect, ...]:
    """Return every contrast of a factor that the runs show.

    A contrast's adjusted p is the larger of its factor's and of Holm's among the factor's contrasts of its kind.
    """
    test, overall = tested
    found = []
    for contrast in contrasts(table.factors[own.at[0]]):
        if own.how == "linear":
            found.append((contrast, *_modeled(model, model.contrast(own.at[0], contrast.weights), own.unit, settings)))
        elif (result := _matched(table, contrast, own.at[0], test.unit, settings)) is not None:
            found.append((contrast, *result))
    adjusted = holm([p for _, _, p in found])
    return tuple(
        _effect(contrast, estimate, p, _gated(within, overall), test.unit, settings, deviation)
        for (contrast, estimate, p), within in zip(found, adjusted, strict=True)
    )


def simple_effects(
    table: RunTable, own: Hypothesis, model: LinearModel, settings: InferenceSettings
) -> tuple[SimpleEffect, ...]:
    """Return the effect of either factor of a pair at every level of the other, where the runs show it."""
    one, other = own.at
    sides = ((one, other), (other, one))
    return tuple(found for moved, held in sides for found in _at_levels(table, own, moved, held, model, settings))


def _at_levels(  # a pair, which of it is moved, and what its effects are taken from
    table: RunTable, own: Hypothesis, moved: int, held: int, model: LinearModel, settings: InferenceSettings
) -> Iterator[SimpleEffect]:
    factor, beside = table.factors[moved], table.factors[held]
    levels = [level for level in factor.levels if level != factor.baseline]
    for position, level in product(range(len(beside.levels)), levels):
        contrast = difference(factor, level)
        result = (
            _modeled(model, model.contrast(moved, contrast.weights, (held, position)), own.unit, settings)
            if own.how == "linear"
            else _matched(table.at(held, position), contrast, moved, own.unit, settings)
        )
        if result is None:
            continue
        estimate, p = result
        low, high = interval(estimate, own.unit, settings, 1 - settings.alpha) or (None, None)
        yield SimpleEffect(
            factor=factor.path,
            contrast=contrast.name,
            level=level,
            baseline=factor.baseline,
            beside=beside.path,
            at=beside.levels[position],
            estimate=estimate.value,
            low=low,
            high=high,
            p=p,
        )


def _matched(
    table: RunTable, contrast: Contrast, position: int, unit: Unit, settings: InferenceSettings
) -> tuple[Estimate, float | None] | None:
    sets = matched_sets(table, [position], [contrast.levels])
    weights = contrast.weights[contrast.levels]
    estimate = from_sets(sets, weights, unit, len(table.blocks))
    if estimate is None:
        return None
    told = estimate.blocks >= FEWEST_BLOCKS
    return estimate, contrast_p(_units(sets, unit), weights, _draws(settings)) if told else None


def _units(sets: MatchedSets, unit: Unit) -> MatchedSets:
    return sets.by_block() if unit == "block" else sets


def _modeled(
    model: LinearModel, row: Float[np.ndarray, " parameter"], unit: Unit, settings: InferenceSettings
) -> tuple[Estimate, float | None]:
    estimate = model.estimate(row, unit)
    if estimate.blocks < FEWEST_BLOCKS:
        return estimate, None
    p = model.p_of_blocks if unit == "block" else model.p
    return estimate, p(row[np.newaxis], _draws(settings))


def _effect(  # noqa: PLR0913, PLR0917  # one contrast with all that is said of it
    contrast: Contrast,
    estimate: Estimate,
    p: float | None,
    p_adjusted: float | None,
    unit: Unit,
    settings: InferenceSettings,
    deviation: Deviation,
) -> Effect:
    low, high = interval(estimate, unit, settings, 1 - settings.alpha) or (None, None)
    better = estimate.above
    if better is not None and not settings.higher_is_better:
        better = None if settings.higher_is_better is None else 1 - better
    return Effect(
        factor=contrast.factor.path,
        contrast=contrast.name,
        level=contrast.level,
        baseline=contrast.baseline,
        trend=contrast.trend,
        estimate=estimate.value,
        low=low,
        high=high,
        p=p,
        p_adjusted=p_adjusted,
        n_blocks=estimate.blocks,
        n_runs=estimate.runs,
        dropped=estimate.dropped,
        standardized=_hedges(estimate.value, deviation),
        prob_improvement=better,
        equivalent=_equivalent(estimate, unit, settings),
        by_block=tuple(float(own) for own in estimate.by_block),
    )


def _equivalent(estimate: Estimate, unit: Unit, settings: InferenceSettings) -> bool | None:
    """Two one-sided tests (Schuirmann 1987): whether the interval at 1 - 2 alpha lies within the margin."""
    if settings.margin is None or estimate.error is None:
        return None
    bounds = interval(estimate, unit, settings, 1 - 2 * settings.alpha)
    return bounds is not None and -settings.margin < bounds[0] and bounds[1] < settings.margin


def _hedges(value: float, deviation: Deviation) -> float | None:
    """Return Hedges' g (1981, doi:10.3102/10769986006002107), with its exact correction for few degrees of freedom."""
    spread, freedom = deviation
    if not spread or freedom < 2:  # noqa: PLR2004  # the correction is undefined
        return None
    correction = np.exp(gammaln(freedom / 2) - gammaln((freedom - 1) / 2)) / np.sqrt(freedom / 2)
    return float(value / spread * correction)


def _gated(within: float | None, overall: float | None) -> float | None:
    return None if within is None or overall is None else max(within, overall)


def _draws(settings: InferenceSettings) -> Draws:
    return Draws(settings.permutations, settings.seed)
