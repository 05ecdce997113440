"""Works out the plan of a study from its study file alone; nothing is run."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from jaxtyping import Int

from ablate.design.aliasing import aliases, in_words, term_correlations
from ablate.design.design import DesignFactor
from ablate.design.model_matrix import d_efficiency, model_matrix
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.hypotheses import Family, Hypothesis, family, holm
from ablate.inference.run_table import RunTable
from ablate.inference.settings import FEWEST_BLOCKS
from ablate.measurement.metrics import METRICS
from ablate.planning.decidability import MAX_SEEDS, decidability, first_step_level
from ablate.planning.plan import Confounding, DegreesOfFreedom, Plan, PlannedTest, RunDeviation, SeedOption
from ablate.planning.planned_table import planned_family, planned_table
from ablate.planning.power import FTest, f_test
from ablate.planning.preregistered_plan import digest
from ablate.planning.preregistration import preregistered_settings
from ablate.study import StudySpec

POINTS = 60  # of a power curve
CURVE_END = 1.25  # a power curve ends beyond the largest minimum detectable effect by this factor ...
MAX_CURVE_END = 10.0  # ... but not beyond so many standard deviations
DEFAULT_CURVE_END = 2.0  # standard deviations, if no effect is detectable
COMPARED_SEEDS = (*range(2, 11), 12, 16, 20)


@dataclass(frozen=True, eq=False)
class _Tests:
    """The planned runs with some number of seeds, the family that they test, and the power curve of each test."""

    table: RunTable
    family: Family
    curves: tuple[FTest, ...]


def plan(study: StudySpec, sd: RunDeviation | None = None) -> Plan:
    """Work out what the study can detect.

    `sd` is the residual standard deviation of a run; None takes the one that the study states, if any. Raises SpecError
    and DesignError as the study's cells do.
    """
    tests, metric = _tests_with(study, len(study.seeds)), METRICS[study.response.metric]
    factors, cells = tests.table.factors, tests.table.levels[tests.table.block == 0]
    titles, stated = {factor.path: factor.title for factor in factors}, study.analysis.sd
    effect_sizes, whole_seeds_from = _effect_sizes(tests.curves), _whole_seeds_from(study)
    decidable = decidability(study)
    return Plan(
        name=study.name,
        question=study.question,
        response=metric.title,
        unit=metric.unit,
        exploratory=study.exploratory,
        design=study.design.kind,
        factors=factors,
        cells=tuple(map(tuple, cells.tolist())),
        seeds=tuple(study.seeds),
        alpha=study.analysis.alpha,
        margin=study.analysis.margin,
        freedom=_degrees_of_freedom(tests),
        tests=_planned_tests(tests, effect_sizes, titles),
        not_estimable=tuple(
            _title(hypothesis, titles) for hypothesis in tests.family.hypotheses if hypothesis.how == "none"
        ),
        effect_sizes=effect_sizes,
        seed_options=tuple(_seed_option(study, tests, seeds) for seeds in _compared_seeds(study, whole_seeds_from)),
        whole_seeds_from=whole_seeds_from,
        sd=sd or (RunDeviation(stated, "stated in the study") if stated is not None else None),
        confounding=_confounding(tests, cells, titles),
        caveat=study.design.caveat,
        obstacle=decidable.obstacle,
        remedies=decidable.remedies,
        digest=digest(preregistered_settings(study)),
    )


def _tests_with(study: StudySpec, n_seeds: int) -> _Tests:
    table = planned_table(study, n_seeds)
    tested = family(table, study.settings)
    level, counts = first_step_level(study, len(tested.tested)), _level_counts(table.factors)
    curves = tuple(f_test(hypothesis, tested, level, counts, n_seeds) for hypothesis in tested.tested)
    return _Tests(table, tested, curves)


def _effect_sizes(curves: Sequence[FTest]) -> tuple[float, ...]:
    """Return effect sizes from 0 to beyond the largest minimum detectable effect."""
    detectable = [effect for curve in curves if (effect := curve.minimum_detectable_effect()) is not None]
    end = min(MAX_CURVE_END, ceil(2 * CURVE_END * max(detectable, default=DEFAULT_CURVE_END / CURVE_END)) / 2)
    return tuple(np.linspace(0, end, POINTS + 1).round(6).tolist())


def _planned_tests(
    tests: _Tests, effect_sizes: tuple[float, ...], titles: Mapping[str, str]
) -> tuple[PlannedTest, ...]:
    adjusted = holm([hypothesis.smallest for hypothesis in tests.family.tested])
    return tuple(
        PlannedTest(
            factors=hypothesis.factors,
            title=_title(hypothesis, titles),
            method="linear" if hypothesis.how == "linear" else "matched",
            unit=hypothesis.unit,
            sets=hypothesis.sets,
            min_attainable_p=hypothesis.smallest,
            min_attainable_p_adjusted=p_adjusted,
            level=curve.level,
            numerator_df=curve.numerator_df,
            denominator_df=curve.denominator_df,
            minimum_detectable_effect=curve.minimum_detectable_effect(),
            power=tuple(curve.power(effect) for effect in effect_sizes),
        )
        for hypothesis, curve, p_adjusted in zip(tests.family.tested, tests.curves, adjusted, strict=True)
    )


def _whole_seeds_from(study: StudySpec) -> int | None:
    """Return the number of seeds from which all tests permute whole seeds, if fewer seeds mean single runs."""
    seeds = range(FEWEST_BLOCKS, MAX_SEEDS + 1)
    place = bisect_left(seeds, True, key=lambda count: _permutes_whole_seeds(study, count))  # noqa: FBT003  # the key's value
    return seeds[place] if 0 < place < len(seeds) else None


def _permutes_whole_seeds(study: StudySpec, n_seeds: int) -> bool:
    return all(hypothesis.unit == "block" for hypothesis in planned_family(study, n_seeds).tested)


def _compared_seeds(study: StudySpec, whole_seeds_from: int | None) -> list[int]:
    """Return the numbers of seeds to compare: usual ones, the study's, and the two around a change of the unit."""
    around = [whole_seeds_from - 1, whole_seeds_from] if whole_seeds_from else []
    return sorted({*COMPARED_SEEDS, len(study.seeds), *around})


def _seed_option(study: StudySpec, planned: _Tests, n_seeds: int) -> SeedOption:
    tests = _tests_with(study, n_seeds)
    hypotheses = {hypothesis.at: hypothesis for hypothesis in tests.family.tested}
    curves = {hypothesis.at: curve for hypothesis, curve in zip(tests.family.tested, tests.curves, strict=True)}
    places = [hypothesis.at for hypothesis in planned.family.tested]
    return SeedOption(
        seeds=n_seeds,
        runs=len(tests.table.block),
        units=tuple(hypotheses[at].unit if at in hypotheses else None for at in places),
        min_attainable_p=tuple(hypotheses[at].smallest if at in hypotheses else 1.0 for at in places),
        minimum_detectable_effect=tuple(
            curves[at].minimum_detectable_effect() if at in curves else None for at in places
        ),
    )


def _degrees_of_freedom(tests: _Tests) -> DegreesOfFreedom:
    terms = {
        " x ".join(hypothesis.factors): curve.numerator_df
        for hypothesis, curve in zip(tests.family.tested, tests.curves, strict=True)
    }
    return DegreesOfFreedom(len(tests.table.block) - 1, len(tests.table.blocks) - 1, terms, tests.family.model.freedom)


def _confounding(tests: _Tests, cells: Int[np.ndarray, "cell factor"], titles: Mapping[str, str]) -> Confounding:
    factors = tests.table.factors
    counts = _level_counts(factors)
    pairs = [(hypothesis.at[0], hypothesis.at[1]) for hypothesis in tests.family.tested if hypothesis.is_interaction]
    terms, correlations = term_correlations(cells, counts)
    design_factors = [DesignFactor(factor.path, factor.levels, None) for factor in factors]
    return Confounding(
        d_efficiency=d_efficiency(model_matrix(cells, counts, pairs)),
        aliases=tuple(in_words(alias, titles) for alias in aliases(cells, design_factors, pairs)),
        terms=tuple(" x ".join(factors[position].title for position in term) for term in terms),
        correlations=tuple(map(tuple, correlations.round(6).tolist())),
    )


def _level_counts(factors: Sequence[FactorLevels]) -> tuple[int, ...]:
    return tuple(len(factor.levels) for factor in factors)


def _title(hypothesis: Hypothesis, titles: Mapping[str, str]) -> str:
    return " x ".join(titles[path] for path in hypothesis.factors)
