"""The plan of a study, from its file's values alone."""

from collections.abc import Mapping
from math import ceil, prod

import numpy as np
from jaxtyping import Int
from statsmodels.stats.multitest import multipletests

from ablate.design.aliasing import aliases, in_words
from ablate.design.efficiency import d_efficiency
from ablate.design.model_matrix import model_matrix
from ablate.inference.hypotheses import Family, Hypothesis
from ablate.metrics import MEASURES
from ablate.planning.frozen import digest, frozen_part
from ablate.planning.mixing import mixing
from ablate.planning.plan import Confounding, Freedom, Plan, PlannedTest, Spread, WithSeeds
from ablate.planning.power import FTest
from ablate.planning.reach import first_step, of_seeds, reach
from ablate.planning.sensitivity import f_test
from ablate.planning.unmeasured import unmeasured
from ablate.spec import StudySpec

STEPS = 60  # of a power curve
LEAST_SPAN, SPAN = 2.0, 1.25  # of a power curve: in standard deviations, and in the largest detectable effect
LARGEST_SPAN = 10.0
OTHER_SEEDS = (*range(2, 11), 12, 16, 20)


def plan(study: StudySpec, sd: Spread | None = None) -> Plan:
    """Work out what the study can show; nothing is run.

    `sd` is the standard deviation of a run about its cell and seed; the study's own where None. Raises SpecError and
    DesignError as the study's cells do.
    """
    found, factors, measure = of_seeds(study, len(study.seeds)), study.factor_levels, MEASURES[study.response.measure]
    cells = unmeasured(study, 1).levels
    titles, reached = {factor.path: factor.title for factor in factors}, reach(study)
    curves = _f_tests(study, found, len(study.seeds))
    effects = _effects(curves)
    stated = study.analysis.sd
    return Plan(
        name=study.name,
        question=study.question,
        response=measure.title,
        unit=measure.unit,
        exploratory=study.exploratory,
        design=study.design.kind,
        factors=factors,
        cells=tuple(map(tuple, cells.tolist())),
        seeds=tuple(study.seeds),
        alpha=study.analysis.alpha,
        margin=study.analysis.margin,
        freedom=_freedom(study, found),
        tests=_tests(found, curves, effects, titles),
        not_shown=tuple(_title(own, titles) for own in found.hypotheses if own.how == "none"),
        effects=effects,
        with_seeds=tuple(_with_seeds(study, found, seeds) for seeds in sorted({*OTHER_SEEDS, len(study.seeds)})),
        sd=sd or (Spread(stated, "stated in the study") if stated is not None else None),
        confounding=_confounding(study, found, cells, titles),
        obstacle=reached.obstacle,
        remedies=reached.remedies,
        digest=digest(frozen_part(study)),
    )


def _f_tests(study: StudySpec, found: Family, seeds: int) -> tuple[FTest, ...]:
    counts, level = _counts(study), first_step(study, len(found.tested))
    return tuple(f_test(own, found, level, counts, seeds) for own in found.tested)


def _effects(curves: tuple[FTest, ...]) -> tuple[float, ...]:
    """Return effects from 0 to beyond the largest that is found with the usual chance."""
    found = [detectable for curve in curves if (detectable := curve.detectable()) is not None]
    top = min(LARGEST_SPAN, max(LEAST_SPAN, ceil(SPAN * max(found, default=0.0))))
    return tuple(np.linspace(0, top, STEPS + 1).round(6).tolist())


def _tests(
    found: Family, curves: tuple[FTest, ...], effects: tuple[float, ...], titles: Mapping[str, str]
) -> tuple[PlannedTest, ...]:
    smallest = [own.smallest for own in found.tested]
    adjusted = multipletests(smallest, method="holm")[1].tolist() if smallest else []
    return tuple(
        PlannedTest(
            factors=own.factors,
            title=_title(own, titles),
            how="linear" if own.how == "linear" else "matched",
            unit=own.unit,
            sets=own.sets,
            smallest=own.smallest,
            smallest_adjusted=least,
            level=curve.level,
            numerator=curve.numerator,
            denominator=curve.denominator,
            detectable=curve.detectable(),
            power=tuple(curve.power(effect) for effect in effects),
        )
        for own, curve, least in zip(found.tested, curves, adjusted, strict=True)
    )


def _with_seeds(study: StudySpec, planned: Family, seeds: int) -> WithSeeds:
    found = of_seeds(study, seeds)
    smallest = {own.at: own.smallest for own in found.tested}
    curves = {own.at: curve for own, curve in zip(found.tested, _f_tests(study, found, seeds), strict=True)}
    return WithSeeds(
        seeds=seeds,
        runs=len(study.cells) * seeds,
        smallest=tuple(smallest.get(own.at, 1.0) for own in planned.tested),
        detectable=tuple(curves[own.at].detectable() if own.at in curves else None for own in planned.tested),
    )


def _freedom(study: StudySpec, found: Family) -> Freedom:
    counts, seeds = _counts(study), len(study.seeds)
    terms = {" x ".join(own.factors): prod(counts[i] - 1 for i in own.at) for own in found.tested}
    return Freedom(len(study.cells) * seeds - 1, seeds - 1, terms, found.model.freedom)


def _confounding(
    study: StudySpec, found: Family, cells: Int[np.ndarray, "cell factor"], titles: Mapping[str, str]
) -> Confounding:
    counts = _counts(study)
    pairs = [own.at for own in found.tested if len(own.at) == 2]  # noqa: PLR2004  # two factors: an interaction
    terms, correlations = mixing(cells, counts)
    names = [factor.title for factor in study.factor_levels]
    return Confounding(
        d_efficiency=d_efficiency(model_matrix(cells, counts, pairs)),
        aliases=tuple(in_words(alias, titles) for alias in aliases(cells, study.design_factors, pairs)),
        terms=tuple(" x ".join(names[position] for position in term) for term in terms),
        correlations=tuple(map(tuple, correlations.round(6).tolist())),
    )


def _counts(study: StudySpec) -> tuple[int, ...]:
    return tuple(len(factor.levels) for factor in study.factors.values())


def _title(own: Hypothesis, titles: Mapping[str, str]) -> str:
    return " x ".join(titles[path] for path in own.factors)
