"""The plan of a study, from its file's values alone."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Self

import numpy as np
from jaxtyping import Int

from ablate.design.aliasing import aliases, in_words
from ablate.design.design import DesignFactor
from ablate.design.model_matrix import d_efficiency, model_matrix
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.hypotheses import Family, Hypothesis, family, holm
from ablate.inference.run_table import RunTable
from ablate.inference.settings import FEWEST_BLOCKS
from ablate.measurement.metrics import METRICS
from ablate.planning.mixing import mixing
from ablate.planning.plan import Confounding, Freedom, Plan, PlannedTest, Spread, WithSeeds
from ablate.planning.power import FTest
from ablate.planning.preregistration import digest, preregistered_settings
from ablate.planning.reach import MOST_SEEDS, first_step, reach
from ablate.planning.sensitivity import f_test
from ablate.planning.unmeasured import unmeasured
from ablate.study import StudySpec

STEPS = 60  # of a power curve
SPAN, LARGEST_SPAN = 1.25, 10.0  # of a power curve: in the largest detectable effect, and in standard deviations
UNFOUND = 2.0  # standard deviations, of a power curve where no effect is found
OTHER_SEEDS = (*range(2, 11), 12, 16, 20)


@dataclass(frozen=True, eq=False)
class _Tested:
    """The runs with some number of seeds, and what is tested in them."""

    runs: RunTable
    family: Family
    curves: tuple[FTest, ...]

    @classmethod
    def of(cls, study: StudySpec, seeds: int) -> Self:
        runs = unmeasured(study, seeds)
        found, counts = family(runs, study.settings), _counts(runs.factors)
        level = first_step(study, len(found.tested))
        return cls(runs, found, tuple(f_test(own, found, level, counts, seeds) for own in found.tested))


def plan(study: StudySpec, sd: Spread | None = None) -> Plan:
    """Work out what the study can show; nothing is run.

    `sd` is the standard deviation of a run about its cell and seed; the study's own where None. Raises SpecError and
    DesignError as the study's cells do.
    """
    tested, metric, stated = _Tested.of(study, len(study.seeds)), METRICS[study.response.metric], study.analysis.sd
    factors, cells = tested.runs.factors, tested.runs.levels[tested.runs.block == 0]
    titles, reached = {factor.path: factor.title for factor in factors}, reach(study)
    effects, takeover = _effects(tested.curves), _takeover(study)
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
        freedom=_freedom(tested),
        tests=_tests(tested, effects, titles),
        not_shown=tuple(_title(own, titles) for own in tested.family.hypotheses if own.how == "none"),
        effects=effects,
        with_seeds=tuple(_with_seeds(study, tested, seeds) for seeds in _compared(study, takeover)),
        takeover=takeover,
        sd=sd or (Spread(stated, "stated in the study") if stated is not None else None),
        confounding=_confounding(tested, cells, titles),
        caveat=study.design.caveat,
        obstacle=reached.obstacle,
        remedies=reached.remedies,
        digest=digest(preregistered_settings(study)),
    )


def _effects(curves: Sequence[FTest]) -> tuple[float, ...]:
    """Return effects from 0 to beyond the largest that is found with the usual chance."""
    found = [detectable for curve in curves if (detectable := curve.detectable()) is not None]
    top = min(LARGEST_SPAN, ceil(2 * SPAN * max(found, default=UNFOUND / SPAN)) / 2)
    return tuple(np.linspace(0, top, STEPS + 1).round(6).tolist())


def _tests(tested: _Tested, effects: tuple[float, ...], titles: Mapping[str, str]) -> tuple[PlannedTest, ...]:
    smallest = [own.smallest for own in tested.family.tested]
    adjusted = holm(smallest)
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
        for own, curve, least in zip(tested.family.tested, tested.curves, adjusted, strict=True)
    )


def _takeover(study: StudySpec) -> int | None:
    """Return from how many seeds on no single runs are relabeled, where with fewer they are."""
    seeds = range(FEWEST_BLOCKS, MOST_SEEDS + 1)
    place = bisect_left(seeds, True, key=lambda count: _by_whole_seeds(study, count))  # noqa: FBT003  # what is sought
    return seeds[place] if 0 < place < len(seeds) else None


def _by_whole_seeds(study: StudySpec, seeds: int) -> bool:
    return all(own.unit == "block" for own in family(unmeasured(study, seeds), study.settings).tested)


def _compared(study: StudySpec, takeover: int | None) -> list[int]:
    """Return the numbers of seeds that are compared: usual ones, the study's own, and those around a takeover."""
    return sorted({*OTHER_SEEDS, len(study.seeds), *([takeover - 1, takeover] if takeover else [])})


def _with_seeds(study: StudySpec, planned: _Tested, seeds: int) -> WithSeeds:
    other = _Tested.of(study, seeds)
    tested = {own.at: own for own in other.family.tested}
    curves = {own.at: curve for own, curve in zip(other.family.tested, other.curves, strict=True)}
    at = [own.at for own in planned.family.tested]
    return WithSeeds(
        seeds=seeds,
        runs=len(other.runs.block),
        units=tuple(tested[own].unit if own in tested else None for own in at),
        smallest=tuple(tested[own].smallest if own in tested else 1.0 for own in at),
        detectable=tuple(curves[own].detectable() if own in curves else None for own in at),
    )


def _freedom(tested: _Tested) -> Freedom:
    runs, seeds = len(tested.runs.block), len(tested.runs.blocks)
    terms = {
        " x ".join(own.factors): curve.numerator for own, curve in zip(tested.family.tested, tested.curves, strict=True)
    }
    return Freedom(runs - 1, seeds - 1, terms, tested.family.model.freedom)


def _confounding(tested: _Tested, cells: Int[np.ndarray, "cell factor"], titles: Mapping[str, str]) -> Confounding:
    factors = tested.runs.factors
    counts = _counts(factors)
    pairs = [own.at for own in tested.family.tested if len(own.at) == 2]  # noqa: PLR2004  # two factors: an interaction
    terms, correlations = mixing(cells, counts)
    mixed_up = aliases(cells, [DesignFactor(factor.path, factor.levels, None) for factor in factors], pairs)
    return Confounding(
        d_efficiency=d_efficiency(model_matrix(cells, counts, pairs)),
        aliases=tuple(in_words(alias, titles) for alias in mixed_up),
        terms=tuple(" x ".join(factors[position].title for position in term) for term in terms),
        correlations=tuple(map(tuple, correlations.round(6).tolist())),
    )


def _counts(factors: Sequence[FactorLevels]) -> tuple[int, ...]:
    return tuple(len(factor.levels) for factor in factors)


def _title(own: Hypothesis, titles: Mapping[str, str]) -> str:
    return " x ".join(titles[path] for path in own.factors)
