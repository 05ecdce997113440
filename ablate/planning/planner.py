"""Works out the plan of a study from its study file alone; nothing is run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
from jaxtyping import Int

from ablate.core.errors import SpecError
from ablate.design.aliasing import aliases, in_words, term_correlations
from ablate.design.design import DesignFactor
from ablate.design.model_matrix import d_efficiency, model_matrix
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.hypotheses import Hypothesis
from ablate.inference.kind_of_test import KindOfTest
from ablate.measurement.metrics import METRICS
from ablate.planning.clearing_power import clearing_power
from ablate.planning.decidability import attainable_p, decidability, planned_kind, why_untested
from ablate.planning.few_seed_power import few_seed_power
from ablate.planning.flip_power import flip_power
from ablate.planning.plan import Confounding, DegreesOfFreedom, Plan, PlannedTest, RunDeviation, SeedOption
from ablate.planning.planned_effects import PlannedEffects, aliased, planned_effects
from ablate.planning.planned_table import planned_table
from ablate.planning.power import NO_POWER, PowerCurve, never_falling
from ablate.planning.preregistered_plan import digest
from ablate.planning.preregistration import preregistered_settings
from ablate.study import StudySpec

POINTS = 60  # of a power curve
CURVE_END = 1.25  # a power curve ends beyond the largest minimum detectable effect by this factor ...
MAX_CURVE_END = 10.0  # ... but not beyond so many standard deviations
DEFAULT_CURVE_END = 2.0  # standard deviations, if no effect is detectable
COMPARED_SEEDS = (*range(2, 15), 16, 20)


@dataclass(frozen=True, eq=False)
class _Planned:
    """A study, its effects, and the spread of effects between seeds in standard deviations of a run."""

    study: StudySpec
    effects: PlannedEffects
    titles: Mapping[str, str]
    seed_sd: float

    def curves(self, n_seeds: int) -> list[PowerCurve]:
        """Return the power curve of each effect with this number of seeds; without power where it is not tested."""
        alpha, draws = self.study.settings.alpha, self.study.settings.draws
        match planned_kind(n_seeds):
            case None:
                return [NO_POWER for _ in self.effects.effects]
            case KindOfTest.F_TEST:
                return few_seed_power(self.effects, n_seeds, alpha, self.seed_sd)
            case _:
                return flip_power(self.effects, n_seeds, alpha, self.seed_sd, draws)

    def title(self, hypothesis: Hypothesis) -> str:
        """Return the titles of a hypothesis's factors."""
        title = " x ".join(self.titles[path] for path in hypothesis.factors)
        return f"{title}, linear trend" if hypothesis.is_trend else title


def plan(study: StudySpec, sd: RunDeviation | None = None) -> Plan:
    """Work out what the study can detect.

    `sd` is the standard deviation of a run; None takes the one that the study states, if any. What the study states of
    effects between seeds replaces that of `sd`. Raises SpecError if it states only that, and SpecError and DesignError
    as the study's cells do.
    """
    sd = _deviation(study, sd)
    titles = {factor.path: factor.title for factor in study.factor_levels}
    planned = _Planned(study, planned_effects(study), titles, sd.between_seeds / sd.value if sd else 0.0)
    seeds, metric, decidable = len(study.seeds), METRICS[study.response.metric], decidability(study)
    curves = _curves(planned, sorted({*COMPARED_SEEDS, seeds})) if study.factors else {}
    effect_sizes = _effect_sizes(curves.get(seeds, []))
    cells = planned_table(study, 1).levels
    return Plan(
        name=study.name,
        question=study.question,
        response=metric.title,
        unit=metric.unit,
        exploratory=study.exploratory,
        design=study.design.kind,
        factors=study.factor_levels,
        cells=tuple(map(tuple, cells.tolist())),
        seeds=tuple(study.seeds),
        alpha=study.analysis.alpha,
        margin=study.analysis.margin,
        freedom=_degrees_of_freedom(planned),
        tests=_planned_tests(planned, curves.get(seeds, []), effect_sizes, sd),
        not_estimable=tuple(map(planned.title, aliased(study))),
        effect_sizes=effect_sizes,
        seed_options=tuple(_seed_option(study, n, with_seeds) for n, with_seeds in curves.items()),
        sd=sd,
        confounding=_confounding(planned, cells),
        caveat=study.design.caveat,
        obstacle=decidable.obstacle,
        remedies=decidable.remedies,
        digest=digest(preregistered_settings(study)),
        measurable_from=study.response.measurable_from,
    )


def _curves(planned: _Planned, numbers: Sequence[int]) -> dict[int, list[PowerCurve]]:
    """Return the power curves of all effects with these numbers of seeds, in increasing order."""
    curves = {n: planned.curves(n) for n in numbers}
    if not planned.effects.effects:
        return curves
    flipped = [n for n in numbers if planned_kind(n) is KindOfTest.SEED_FLIPS]
    by_effect = [never_falling(across_seeds) for across_seeds in zip(*(curves[n] for n in flipped), strict=True)]
    return curves | dict(zip(flipped, map(list, zip(*by_effect, strict=True)), strict=True))


def _deviation(study: StudySpec, sd: RunDeviation | None) -> RunDeviation | None:
    """Return the standard deviations that the plan uses, those that the study states included."""
    stated, between_seeds = study.analysis.sd, study.analysis.seed_sd
    if sd is None and stated is not None:
        sd = RunDeviation(stated, "stated in the study")
    if between_seeds is None:
        return sd
    if sd is None:
        raise SpecError(
            f"analysis.seed_sd: found {between_seeds:g} without the standard deviation of a run; give that too, by "
            "analysis.sd, --sd or --pilot"
        )
    return replace(sd, between_seeds=between_seeds)


def _effect_sizes(curves: Sequence[PowerCurve]) -> tuple[float, ...]:
    """Return effect sizes from 0 to beyond the largest minimum detectable effect."""
    detectable = [effect for curve in curves if (effect := curve.minimum_detectable_effect()) is not None]
    end = min(MAX_CURVE_END, ceil(2 * CURVE_END * max(detectable, default=DEFAULT_CURVE_END / CURVE_END)) / 2)
    return tuple(np.linspace(0, end, POINTS + 1).round(6).tolist())


def _planned_tests(
    planned: _Planned, curves: Sequence[PowerCurve], effect_sizes: tuple[float, ...], sd: RunDeviation | None
) -> tuple[PlannedTest, ...]:
    study, effects, n_seeds = planned.study, planned.effects, len(planned.study.seeds)
    cleared: Mapping[str, float] = {}
    if sd is not None and study.analysis.margin is not None and effects.effects:
        margin = study.analysis.margin / sd.value
        cleared = clearing_power(effects, planned_table(study, n_seeds), study.settings, margin, planned.seed_sd)
    tests = []
    for effect, curve in zip(effects.effects, curves, strict=True):
        untested = why_untested(study, effect, n_seeds)
        hypothesis = effect.hypothesis
        tests.append(
            PlannedTest(
                factors=hypothesis.factors,
                title=planned.title(hypothesis),
                is_trend=hypothesis.is_trend,
                kind=None if untested else planned_kind(n_seeds),
                untested=untested,
                min_attainable_p=1.0 if untested else attainable_p(study, n_seeds),
                width=effect.width,
                minimum_detectable_effect=curve.minimum_detectable_effect(),
                power=tuple(curve.power(size) for size in effect_sizes),
                not_a_cause=cleared.get(hypothesis.factors[0]) if hypothesis.is_main_effect else None,
            )
        )
    return tuple(tests)


def _seed_option(study: StudySpec, n_seeds: int, curves: Sequence[PowerCurve]) -> SeedOption:
    return SeedOption(
        seeds=n_seeds,
        runs=n_seeds * len(study.cells),
        kind=planned_kind(n_seeds),
        min_attainable_p=attainable_p(study, n_seeds),
        minimum_detectable_effect=tuple(curve.minimum_detectable_effect() for curve in curves),
    )


def _degrees_of_freedom(planned: _Planned) -> DegreesOfFreedom:
    effects, n_seeds = planned.effects, len(planned.study.seeds)
    terms = {
        " x ".join(effect.hypothesis.factors): effect.width
        for effect in effects.effects
        if not effect.hypothesis.is_trend
    }
    rank = effects.terms.shape[1]
    total = effects.cells * n_seeds - 1
    remaining = max(0, rank - sum(terms.values()))
    return DegreesOfFreedom(total, n_seeds - 1, terms, remaining, total - (n_seeds - 1) - rank)


def _confounding(planned: _Planned, cells: Int[np.ndarray, "cell factor"]) -> Confounding:
    factors = planned.study.factor_levels
    counts = _level_counts(factors)
    hypotheses = [effect.hypothesis for effect in planned.effects.effects]
    pairs = [(hypothesis.at[0], hypothesis.at[1]) for hypothesis in hypotheses if hypothesis.is_interaction]
    terms, correlations = term_correlations(cells, counts)
    design_factors = [DesignFactor(factor.path, factor.levels, None) for factor in factors]
    return Confounding(
        d_efficiency=d_efficiency(model_matrix(cells, counts, pairs)),
        aliases=tuple(in_words(alias, planned.titles) for alias in aliases(cells, design_factors, pairs)),
        terms=tuple(" x ".join(factors[position].title for position in term) for term in terms),
        correlations=tuple(map(tuple, correlations.round(6).tolist())),
    )


def _level_counts(factors: Sequence[FactorLevels]) -> tuple[int, ...]:
    return tuple(len(factor.levels) for factor in factors)
