"""Two to five seeds: F tests of main effects against the largest of three error terms.

So few seeds cannot show that an effect holds in other seeds. A significant factor is a cause in these seeds.
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from ablate.inference.cell_noise import CellNoise, MeanSquare
from ablate.inference.hypotheses import Direction
from ablate.inference.run_table import RunTable
from ablate.inference.terms import main_effects, pairs_of


def f_test_p(table: RunTable, noise: CellNoise, directions: Sequence[Direction]) -> list[float | None]:
    """Return the p-value of each main effect or trend, in (0, 1]; None where an error term has no freedom.

    `by_seed` is the part of the noise that the interaction of seeds with the hypothesis explains, `remainder` the noise
    without that, and `pool` the part of the interactions of seeds with all main effects and pairs.
    F = MS / max(remainder, by_seed, pool), with the degrees of freedom of `remainder` in the denominator.
    """
    pool = noise.explained([*main_effects(table), *pairs_of(table)])
    p_values: list[float | None] = []
    for direction in directions:
        by_seed = noise.explained([direction.hypothesis.at])
        remainder = MeanSquare(noise.total.squares - by_seed.squares, noise.total.freedom - by_seed.freedom)
        along = direction.axes.T @ direction.model.observations.response
        effect = MeanSquare(float((along**2).sum()), direction.width)
        p_values.append(_p(effect, by_seed, remainder, pool))
    return p_values


def _p(effect: MeanSquare, by_seed: MeanSquare, remainder: MeanSquare, pool: MeanSquare) -> float | None:
    if min(by_seed.freedom, remainder.freedom, pool.freedom) < 1:
        return None
    error = max(by_seed.value, remainder.value, pool.value)
    if error <= 0:
        return 1.0 if effect.value <= 0 else float(np.finfo(float).tiny)
    p = float(stats.f.sf(effect.value / error, effect.freedom, remainder.freedom))
    return max(p, float(np.finfo(float).tiny))
