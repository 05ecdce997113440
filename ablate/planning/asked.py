"""A study as inference sees it, before it has any results."""

import numpy as np

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.run_table import RunTable
from ablate.inference.settings import Settings
from ablate.metrics import MEASURES
from ablate.spec import StudySpec


def factor_levels(study: StudySpec) -> tuple[FactorLevels, ...]:
    """Return the study's factors by the names of their levels."""
    return tuple(
        FactorLevels(path, factor.title or path, tuple(factor.level_names()), study.baseline[path], factor.ordered)
        for path, factor in study.factors.items()
    )


def settings(study: StudySpec) -> Settings:
    """Return how the study's verdicts are to be reached."""
    asked, measure = study.analysis, MEASURES[study.response.measure]
    pairs = {"all": None, "none": ()}[asked.interactions] if isinstance(asked.interactions, str) else asked.interactions
    return Settings(
        alpha=asked.alpha,
        margin=asked.margin,
        interactions=None if pairs is None else tuple((one, other) for one, other in pairs),
        interval=asked.interval,
        permutations=asked.permutations,
        resamples=asked.resamples,
        seed=asked.seed,
        higher_is_better=measure.higher_is_better,
    )


def unmeasured(study: StudySpec, seeds: int) -> RunTable:
    """Return the study's runs with so many seeds, all of which have a response, and the same one."""
    factors = factor_levels(study)
    cells = [[factor.levels.index(cell.levels[factor.path]) for factor in factors] for cell in study.cells]
    count = len(cells) * seeds
    return RunTable(
        factors=factors,
        blocks=tuple(str(seed) for seed in range(seeds)),
        levels=np.tile(np.array(cells, int).reshape(len(cells), len(factors)), (seeds, 1)),
        block=np.repeat(np.arange(seeds), len(cells)),
        response=np.zeros(count),
    )
