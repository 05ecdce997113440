"""The effects of a factor's levels, averaged over the other factors or at one level of a partner."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import gammaln

from ablate.inference.block_effects import run_deviation
from ablate.inference.factor_levels import Contrast, FactorLevels, contrasts, difference, differences, every_difference
from ablate.inference.family_tests import TestedHypothesis, holm
from ablate.inference.hypotheses import Direction, Family
from ablate.inference.inference import Effect, SimpleEffect
from ablate.inference.linear_model import LinearModel
from ablate.inference.lost_runs import Bounds
from ablate.inference.matched import matched_sets
from ablate.inference.noise_shape import noise_shape
from ablate.inference.robust import RobustEstimate
from ablate.inference.run_table import RunTable
from ablate.inference.sequential_t import nominal_level
from ablate.inference.settings import InferenceSettings

Deviation = tuple[float | None, int]
"""Standard deviation of a run about its cell and block, and its degrees of freedom."""
# Of a level's responses: where one level had lost 20 % more by response, 92 % of intervals contained the true effect.
MISLEADING_LOSS = 0.1
TINY = 1e-9  # of the largest weight: a run that takes no part in an estimate


class EffectEstimates:
    """The effects that a table of runs can estimate."""

    def __init__(self, table: RunTable, family: Family, settings: InferenceSettings) -> None:
        self._table, self._family, self._settings = table, family, settings
        self._deviation = _deviation(table, family)

    def of_factor(self, main: TestedHypothesis, trend: TestedHypothesis | None) -> tuple[Effect, ...]:
        """Return every contrast of a factor; none if the runs do not determine its main effect.

        The linear trend has the p-values of its hypothesis, and a factor's only contrast those of the factor. Of
        several contrasts, the adjusted p is the larger of the factor's and of Holm's among the contrasts.
        """
        (position,) = main.hypothesis.at
        direction = self._family.direction_of((position,))
        if direction is None:
            return ()
        every = contrasts(self._table.factors[position])
        estimates = [self._estimate(direction, contrast) for contrast in every]
        # with one contrast, its test is the factor's test
        ps = [main.p] if len(every) == 1 else [estimate.p for estimate in estimates]
        adjusted = [_larger(p, main.p_adjusted) for p in holm(ps)]
        has_own_test = [trend is not None and contrast.trend == "linear" for contrast in every]
        return tuple(
            self._effect(contrast, direction, estimate, (trend.p, trend.p_adjusted) if tested and trend else p_values)
            for contrast, estimate, p_values, tested in zip(
                every, estimates, zip(ps, adjusted, strict=True), has_own_test, strict=True
            )
        )

    def within_margin(self, main: TestedHypothesis) -> bool | None:
        """Return whether the differences between any two levels of a factor are within the margin, by TOST.

        None without a margin, and where a difference has no confidence interval.
        """
        (position,) = main.hypothesis.at
        factor, direction = self._table.factors[position], self._family.direction_of((position,))
        if direction is None:
            return None
        pairs = [differences(factor)[0]] if factor.numeric else every_difference(factor)
        results = [self._equivalent(factor, self._estimate(direction, contrast)) for contrast in pairs]
        return None if not results or None in results else all(results)

    def simple(self, pair: Direction) -> Iterator[SimpleEffect]:
        """Yield the effect of either factor of a pair at every level of the other, if the runs determine it.

        A numeric factor counts at its lowest and its highest level: between them, an effect changes linearly.
        """
        first, second = pair.hypothesis.at
        for moved, held in ((first, second), (second, first)):
            factor, partner = self._table.factors[moved], self._table.factors[held]
            levels = [contrast.level for contrast in contrasts(factor) if contrast.level is not None]
            places = (0, len(partner.levels) - 1) if partner.numeric else range(len(partner.levels))
            for at, level in product(places, levels):
                contrast = difference(factor, level)
                model = pair.model
                if (moved,) not in model.places or (held,) not in model.places:
                    continue
                row = model.contrast(self._table, moved, contrast.weights, (held, at))
                if not model.estimable(row[np.newaxis]):
                    continue
                estimate = self._family.robust(model).estimate(row)
                low, high = self._interval(factor, estimate, 1 - self._settings.alpha) or (None, None)
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
                    p=estimate.p,
                )

    def _estimate(self, direction: Direction, contrast: Contrast) -> RobustEstimate:
        (position,) = direction.hypothesis.at
        row = direction.model.contrast(self._table, position, contrast.weights)
        return self._family.robust(direction.model).estimate(row)

    def _effect(
        self,
        contrast: Contrast,
        direction: Direction,
        estimate: RobustEstimate,
        p_values: tuple[float | None, float | None],
    ) -> Effect:
        """Return an effect; the p-values are its p and its adjusted p."""
        (position,) = direction.hypothesis.at
        row = direction.model.contrast(self._table, position, contrast.weights)
        weights = direction.model.directions(row[np.newaxis])[:, 0]
        takes_part = self._takes_part(direction.model, weights, position, contrast)
        low, high = self._interval(contrast.factor, estimate, 1 - self._settings.alpha) or (None, None)
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
            freedom=estimate.freedom,
            n_blocks=len(np.unique(self._family.observations.block[takes_part])),
            n_runs=int(takes_part.sum()),
            standardized=_hedges(estimate.value, self._deviation),
            prob_improvement=self._improvement(position, contrast),
            equivalent=self._equivalent(contrast.factor, estimate),
            by_block=self._by_block(direction.model, weights),
        )

    def _takes_part(
        self, model: LinearModel, weights: Float[np.ndarray, " run"], position: int, contrast: Contrast
    ) -> Bool[np.ndarray, " run"]:
        """Return the runs at the contrast's levels that have a weight in its estimate."""
        level = self._table.levels[self._table.defined, position][model.observations.order]
        weighted = np.abs(weights) > TINY * np.abs(weights).max(initial=0)
        at_levels: np.ndarray = np.isin(level, contrast.levels) | contrast.factor.numeric
        takes_part: np.ndarray = weighted & at_levels
        return takes_part

    def _by_block(self, model: LinearModel, weights: Float[np.ndarray, " run"]) -> tuple[float, ...]:
        """Return the estimate of every block of the table, NaN for a block without one; none if no runs share a block.

        A block's score is the estimate plus blocks x its sum of weighted residuals. If every block has the same cells,
        it is the least-squares estimate of the block alone.
        """
        observations = model.observations
        if not observations.has_blocks:
            return ()
        parts = observations.by_block(weights * model.residual)
        scores = (float(weights @ observations.response) + observations.blocks * parts) * observations.scale
        by_block = np.full(len(self._table.blocks), np.nan)
        by_block[np.unique(self._table.block[self._table.defined])] = scores
        return tuple(by_block.tolist())

    def _interval(
        self, factor: FactorLevels, estimate: RobustEstimate, confidence: float
    ) -> tuple[float, float] | None:
        """Return a confidence interval within the differences that a bounded response can have.

        None where the shape of the noise misleads intervals of this factor.
        """
        misleads = self._family.observations.has_blocks and noise_shape(self._table).misleads(factor.path)
        interval = None if misleads else estimate.interval(confidence)
        if interval is None or self._settings.bounds is None:
            return interval
        widest = self._settings.bounds[1] - self._settings.bounds[0]
        return max(interval[0], -widest), min(interval[1], widest)

    def _equivalent(self, factor: FactorLevels, estimate: RobustEstimate) -> bool | None:
        """Return whether the interval at 1 - 2 alpha is within the margin: two one-sided tests (Schuirmann 1987).

        At a look of a sequential study, alpha is what the look may spend.
        """
        margin, looks, alpha = self._settings.margin, self._settings.looks, self._settings.alpha
        level = alpha if looks is None else nominal_level(looks, alpha, len(self._table.blocks))
        interval = self._interval(factor, estimate, 1 - 2 * level)
        if margin is None or interval is None:
            return None
        return -margin < interval[0] and interval[1] < margin

    def _improvement(self, position: int, contrast: Contrast) -> float | None:
        """Return the share of matched pairs in which the first level is better; None of more than two levels."""
        is_pair = len(contrast.levels) == 2 and not contrast.factor.numeric  # noqa: PLR2004  # a pair
        if not is_pair or self._settings.higher_is_better is None:
            return None
        signed = matched_sets(self._table, [position], [contrast.levels]).values @ contrast.weights[contrast.levels]
        if not len(signed):
            return None
        above = float((signed > 0).mean() + (signed == 0).mean() / 2)
        return above if self._settings.higher_is_better else 1 - above


def without_misled_intervals(effects: Sequence[Effect], bounds: Sequence[Bounds]) -> tuple[Effect, ...]:
    """Return the effects, without intervals where so many runs were lost by their response that these mislead.

    The trimming bounds of such an effect have an interval that allows for the losses.
    """
    misled = {bound.contrast for bound in bounds if max(bound.trimmed.values(), default=0.0) >= MISLEADING_LOSS}
    return tuple(
        replace(effect, low=None, high=None, equivalent=None) if effect.contrast in misled else effect
        for effect in effects
    )


def _deviation(table: RunTable, family: Family) -> Deviation:
    """Return the standard deviation of a run about its cell and seed, or without seeds about the largest model."""
    if family.observations.has_blocks:
        return run_deviation(table)
    models = [direction.model for direction in family.estimable]
    if not models:
        return None, 0
    largest = min(models, key=lambda model: model.freedom)
    return largest.deviation, max(largest.freedom, 0)


def _hedges(value: float, deviation: Deviation) -> float | None:
    """Return Hedges' g (1981, doi:10.3102/10769986006002107), with its exact correction for few degrees of freedom."""
    spread, freedom = deviation
    if not spread or freedom < 2:  # noqa: PLR2004  # the correction is undefined
        return None
    correction = np.exp(gammaln(freedom / 2) - gammaln((freedom - 1) / 2)) / np.sqrt(freedom / 2)
    return float(value / spread * correction)


def _larger(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else max(first, second)
