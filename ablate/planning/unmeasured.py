"""The runs of a study before any has a result."""

import numpy as np

from ablate.inference.run_table import RunTable
from ablate.study import StudySpec


def unmeasured(study: StudySpec, seeds: int) -> RunTable:
    """Return the study's runs with so many seeds, all of which have a response, and the same one."""
    factors = study.factor_levels
    cells = [[factor.levels.index(cell.levels[factor.path]) for factor in factors] for cell in study.cells]
    return RunTable(
        factors=factors,
        blocks=tuple(str(seed) for seed in range(seeds)),
        levels=np.tile(np.array(cells, int).reshape(len(cells), len(factors)), (seeds, 1)),
        block=np.repeat(np.arange(seeds), len(cells)),
        response=np.zeros(len(cells) * seeds),
    )
