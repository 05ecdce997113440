"""The effects of a factor's levels, averaged over the other factors or at one level of a partner."""

from collections.abc import Iterator
from itertools import product

import numpy as np
from jaxtyping import Float
from scipy.special import gammaln

from ablate.inference.estimate import EffectEstimate, confidence_interval, from_sets
from ablate.inference.factor_levels import Contrast, contrasts, difference
from ablate.inference.hypotheses import Hypothesis, holm
from ablate.inference.inference import Effect, SimpleEffect, Unit
from ablate.inference.linear_model import LinearModel
from ablate.inference.matched import matched_sets
from ablate.inference.permutation import Draws, contrast_p
from ablate.inference.run_table import RunTable
from ablate.inference.settings import FEWEST_BLOCKS, InferenceSettings

Deviation = tuple[float | None, int]
"""Standard deviation of a run about its cell and block, and its degrees of freedom."""


def effects_of(  # a factor's hypothesis, its adjusted p, and the data of both
    table: RunTable,
    main: Hypothesis,
    model: LinearModel,
    settings: InferenceSettings,
    p_factor: float | None,
    deviation: Deviation,
) -> tuple[Effect, ...]:
    """Return every contrast of a factor that the runs can estimate.

    A contrast's adjusted p is the larger of its factor's (`p_factor`) and of Holm's among the factor's contrasts.
    """
    (position,) = main.at
    estimated = []
    for contrast in contrasts(table.factors[position]):
        if main.how == "linear":
            row = model.contrast(position, contrast.weights)
            estimated.append((contrast, *_from_model(model, row, main.unit, settings)))
        elif (result := _from_sets(table, contrast, position, main.unit, settings)) is not None:
            estimated.append((contrast, *result))
    adjusted = holm([p for _, _, p in estimated])
    return tuple(
        _effect(contrast, estimate, (p, _larger(p_contrast, p_factor)), main.unit, settings, deviation)
        for (contrast, estimate, p), p_contrast in zip(estimated, adjusted, strict=True)
    )


def simple_effects(
    table: RunTable, pair: Hypothesis, model: LinearModel, settings: InferenceSettings
) -> tuple[SimpleEffect, ...]:
    """Return the effect of either factor of a pair at every level of the other, if the runs can estimate it."""
    first, second = pair.at
    directions = ((first, second), (second, first))
    return tuple(
        effect for moved, held in directions for effect in _at_levels(table, pair, (moved, held), model, settings)
    )


def _at_levels(
    table: RunTable, pair: Hypothesis, positions: tuple[int, int], model: LinearModel, settings: InferenceSettings
) -> Iterator[SimpleEffect]:
    """Yield the effects of the first of both factors at every level of the second."""
    moved, held = positions
    factor, partner = table.factors[moved], table.factors[held]
    levels = [level for level in factor.levels if level != factor.baseline]
    for at, level in product(range(len(partner.levels)), levels):
        contrast = difference(factor, level)
        result = (
            _from_model(model, model.contrast(moved, contrast.weights, (held, at)), pair.unit, settings)
            if pair.how == "linear"
            else _from_sets(table.at(held, at), contrast, moved, pair.unit, settings)
        )
        if result is None:
            continue
        estimate, p = result
        low, high = confidence_interval(estimate, pair.unit, settings, 1 - settings.alpha) or (None, None)
        yield SimpleEffect(
            factor=factor.path,
            contrast=contrast.name,
            level=level,
            baseline=factor.baseline,
            partner=partner.path,
            at=partner.levels[at],
            estimate=estimate.value,
            low=low,
            high=high,
            p=p,
        )


def _from_sets(
    table: RunTable, contrast: Contrast, position: int, unit: Unit, settings: InferenceSettings
) -> tuple[EffectEstimate, float | None] | None:
    sets = matched_sets(table, [position], [contrast.levels])
    weights = contrast.weights[contrast.levels]
    estimate = from_sets(sets, weights, unit, len(table.blocks))
    if estimate is None:
        return None
    if estimate.blocks < FEWEST_BLOCKS:
        return estimate, None
    return estimate, contrast_p(sets.by_block() if unit == "block" else sets, weights, _draws(settings))


def _from_model(
    model: LinearModel, row: Float[np.ndarray, " parameter"], unit: Unit, settings: InferenceSettings
) -> tuple[EffectEstimate, float | None]:
    estimate = model.estimate(row, unit)
    if estimate.blocks < FEWEST_BLOCKS:
        return estimate, None
    p = model.p_of_blocks if unit == "block" else model.p
    return estimate, p(row[np.newaxis], _draws(settings))


def _effect(  # an estimate with its p-values (its own, and adjusted), and what describes it further
    contrast: Contrast,
    estimate: EffectEstimate,
    p_values: tuple[float | None, float | None],
    unit: Unit,
    settings: InferenceSettings,
    deviation: Deviation,
) -> Effect:
    low, high = confidence_interval(estimate, unit, settings, 1 - settings.alpha) or (None, None)
    improvement = estimate.above
    if improvement is not None and not settings.higher_is_better:
        improvement = None if settings.higher_is_better is None else 1 - improvement
    return Effect(
        factor=contrast.factor.path,
        contrast=contrast.name,
        level=contrast.level,
        baseline=contrast.baseline,
        trend=contrast.trend,
        estimate=estimate.value,
        low=low,
        high=high,
        p=p_values[0],
        p_adjusted=p_values[1],
        n_blocks=estimate.blocks,
        n_runs=estimate.runs,
        dropped=estimate.dropped,
        standardized=_hedges(estimate.value, deviation),
        prob_improvement=improvement,
        equivalent=_equivalent(estimate, unit, settings),
        by_block=tuple(float(value) for value in estimate.by_block),
    )


def _equivalent(estimate: EffectEstimate, unit: Unit, settings: InferenceSettings) -> bool | None:
    """Return whether the interval at 1 - 2 alpha is within the margin: two one-sided tests (Schuirmann 1987)."""
    if settings.margin is None or estimate.error is None:
        return None
    bounds = confidence_interval(estimate, unit, settings, 1 - 2 * settings.alpha)
    return bounds is not None and -settings.margin < bounds[0] and bounds[1] < settings.margin


def _hedges(value: float, deviation: Deviation) -> float | None:
    """Return Hedges' g (1981, doi:10.3102/10769986006002107), with its exact correction for few degrees of freedom."""
    spread, freedom = deviation
    if not spread or freedom < 2:  # noqa: PLR2004  # the correction is undefined
        return None
    correction = np.exp(gammaln(freedom / 2) - gammaln((freedom - 1) / 2)) / np.sqrt(freedom / 2)
    return float(value / spread * correction)


def _larger(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else max(first, second)


def _draws(settings: InferenceSettings) -> Draws:
    return Draws(settings.permutations, settings.seed)
