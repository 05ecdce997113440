"""The runs of a study before any of them has a result, and the hypotheses that they will test."""

import numpy as np

from ablate.inference.hypotheses import Family, family
from ablate.inference.run_table import RunTable
from ablate.study import StudySpec


def planned_table(study: StudySpec, n_seeds: int) -> RunTable:
    """Return the table of the study's runs with this number of seeds, as if each had given the same response."""
    factors = study.factor_levels
    cells = [[factor.levels.index(cell.levels[factor.path]) for factor in factors] for cell in study.cells]
    return RunTable(
        factors=factors,
        blocks=tuple(str(seed) for seed in range(n_seeds)),
        levels=np.tile(np.array(cells, int).reshape(len(cells), len(factors)), (n_seeds, 1)),
        block=np.repeat(np.arange(n_seeds), len(cells)),
        response=np.zeros(len(cells) * n_seeds),
    )


def planned_family(study: StudySpec, n_seeds: int) -> Family:
    """Return the family of hypotheses that the study tests with this number of seeds, worked out once per study."""
    # kept on the study, like its cached properties: its plan, its check and its preregistration ask for the same family
    families: dict[int, Family] = vars(study).setdefault("planned_families", {})
    if n_seeds not in families:
        families[n_seeds] = family(planned_table(study, n_seeds), study.settings)
    return families[n_seeds]
