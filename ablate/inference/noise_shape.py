"""The shape of the noise: which factors have a baseline that hardly varies beside one-sided noise elsewhere.

A network without a ghost has the same response in every seed; one with a ghost varies, and only upward. The difference
of both is then skewed, which neither sign flips nor Student's t allow for.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ablate.inference.block_effects import ROUNDING, less_block_effects
from ablate.inference.run_table import RunTable

QUIET = 0.5  # of the noisiest level's standard deviation: below it, one-sided noise was measured to err more often
FEWEST_CELLS = 3  # two cells show the sum of their variances only
ONE_SIDED = 0.6  # standard errors of the skewness: 3 % of tables with log-normal noise are within them
# of intervals at 95 % with log-normal noise, measured in 400 tables before such intervals were withheld
# (ablate calibrate --published --scenario quiet_baseline --studies 400, at commit f9b3c7f)
SHOWN_COVERAGE = "84 %"


@dataclass(frozen=True)
class NoiseShape:
    """The factors, by path, whose runs at the baseline hardly vary, and whether the noise elsewhere is one-sided."""

    quiet_baselines: frozenset[str]
    is_one_sided: bool

    def misleads(self, factor: str) -> bool:
        """Return whether confidence intervals of this factor's effects cannot be trusted."""
        return self.is_one_sided and factor in self.quiet_baselines


def noise_shape(table: RunTable) -> NoiseShape:
    """Return the shape of the noise of a table whose runs share blocks; a table computes it once."""
    key = "noise shape"
    if key not in table.derived:
        table.derived[key] = _noise_shape(table)
    shape: NoiseShape = table.derived[key]
    return shape


def _noise_shape(table: RunTable) -> NoiseShape:
    cell = np.unique(table.cell[table.defined], return_inverse=True)[1]
    count = np.bincount(cell)
    if len(count) < FEWEST_CELLS or (count < 2).any():  # noqa: PLR2004  # one run of a cell shows no spread
        return NoiseShape(frozenset(), is_one_sided=False)
    residual = less_block_effects(table)[table.defined]
    residual = residual - (np.bincount(cell, residual) / count)[cell]
    variance = _cell_variances(residual, cell)
    if np.sqrt(variance.max()) <= ROUNDING * np.abs(table.response[table.defined]).max():
        return NoiseShape(frozenset(), is_one_sided=False)
    quiet = [
        factor.path
        for position, factor in enumerate(table.factors)
        if _has_quiet_baseline(variance, table, position, cell)
    ]
    return NoiseShape(frozenset(quiet), _is_one_sided(residual, cell, variance))


def _cell_variances(residual: Float[np.ndarray, " run"], cell: Int[np.ndarray, " run"]) -> Float[np.ndarray, " cell"]:
    """Return the noise variance of every cell, at least 0 (Grubbs 1948, doi:10.1080/01621459.1948.10483261).

    The residual of a cell has a part of the other cells' noise, which comes in with the block's mean.
    """
    count = np.bincount(cell)
    cells = len(count)
    raw = np.bincount(cell, residual**2) / (count - 1)
    average = raw.mean() / (1 - 1 / cells)
    variances: np.ndarray = np.maximum((raw - average / cells) / (1 - 2 / cells), 0.0)
    return variances


def _has_quiet_baseline(
    variance: Float[np.ndarray, " cell"], table: RunTable, position: int, cell: Int[np.ndarray, " run"]
) -> bool:
    factor = table.factors[position]
    first = np.unique(cell, return_index=True)[1]
    level = table.levels[table.defined, position][first]
    # All cells count, also those in which other factors are changed. In the factor's other levels alone, ten seeds show
    # too little: of the intervals then shown beside a quiet baseline, 63 % held the true effect instead of 74 %
    # (ablate calibrate --published --scenario quiet_baseline --studies 1000).
    spread = [float(variance[level == place].mean()) for place in range(len(factor.levels)) if (level == place).any()]
    baseline = float(variance[_matched_baseline(table, position, cell)].mean())
    return baseline < QUIET**2 * max(spread)


def _matched_baseline(table: RunTable, position: int, cell: Int[np.ndarray, " run"]) -> Int[np.ndarray, " cell"]:
    """Return the cells at a factor's baseline that meet another level of it in an equal context; all if none does."""
    first = np.unique(cell, return_index=True)[1]
    levels = table.levels[table.defined][first]
    at_baseline = levels[:, position] == table.factors[position].levels.index(table.factors[position].baseline)
    context = np.unique(np.delete(levels, position, axis=1), axis=0, return_inverse=True)[1].reshape(-1)
    matched = np.flatnonzero(at_baseline & np.isin(context, context[~at_baseline]))
    return matched if len(matched) else np.flatnonzero(at_baseline)


def _is_one_sided(
    residual: Float[np.ndarray, " run"], cell: Int[np.ndarray, " run"], variance: Float[np.ndarray, " cell"]
) -> bool:
    noisy = variance[cell] > QUIET**2 * variance.max()
    values = residual[noisy] / np.sqrt(variance[cell][noisy])
    values = values - values.mean()
    skewness = float((values**3).mean() / max((values**2).mean(), np.finfo(float).tiny) ** 1.5)
    return abs(skewness) > ONE_SIDED * float(np.sqrt(6 / len(values)))
