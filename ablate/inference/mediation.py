"""Direct effects: what remains of an effect between runs with equal values of a mediator, such as the error."""

from collections.abc import Iterator
from itertools import chain

import numpy as np
from jaxtyping import Float
from scipy import stats

from ablate.inference.block_effects import within
from ablate.inference.factor_levels import FactorLevels, differences, numeric_values
from ablate.inference.inference import Mediation
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings

FEWEST_JACKKNIFED = 3  # blocks; leaving one out of two leaves no block to compare with
TINY = 1e-9  # relative to the largest singular value: a column that is a combination of others
DETERMINED = 1 - 1e-7  # of a coefficient's direction is in the row space; else the runs do not determine it


def mediation(table: RunTable, settings: InferenceSettings) -> tuple[Mediation, ...]:
    """Return the total and the direct effect of every level against the baseline, for every mediator of the table.

    Both are least squares, with blocks and the main effects of all factors, over the runs that have the response and
    the mediator; the model of `direct` also has the mediator (difference of coefficients: Judd & Kenny 1981,
    doi:10.1177/0193841X8100500502). The confidence interval of `direct` is Student's t, over jackknife
    pseudo-values of the blocks (Tukey 1958, doi:10.1214/aoms/1177706647); None below three blocks. Contrasts that the
    runs cannot separate from other factors or from the mediator are left out.

    To read `direct` as a cause takes assumptions that no run can check: nothing unmeasured changes both the mediator
    and the response within a block, the mediator is measured without error, and its effect is linear and equal at all
    levels of all factors.
    """
    return tuple(chain.from_iterable(_through(table, mediator, settings) for mediator in table.mediators))


def _through(table: RunTable, mediator: str, settings: InferenceSettings) -> Iterator[Mediation]:
    measured = table.defined & np.isfinite(table.mediators[mediator])
    block = np.unique(table.block[measured], return_inverse=True)[1]
    response = within(table.response[measured], block)
    dummies = within(_dummies(table)[measured], block)
    covariate = within(table.mediators[mediator][measured], block)
    both = np.column_stack([dummies, covariate])
    total, direct = _coefficients(dummies, response), _coefficients(both, response)
    without = np.array([_coefficients(both[block != left], response[block != left]) for left in np.unique(block)])
    for position, contrast in enumerate(chain.from_iterable(map(differences, table.factors))):
        if np.isfinite([total[position], direct[position]]).all():
            low, high = _interval(float(direct[position]), without[:, position], settings) or (None, None)
            yield Mediation(
                factor=contrast.factor.path,
                contrast=contrast.name,
                mediator=mediator,
                total=float(total[position]),
                direct=float(direct[position]),
                low=low,
                high=high,
                mediated=float(total[position] - direct[position]),
            )


def _dummies(table: RunTable) -> Float[np.ndarray, "run contrast"]:
    """Return the columns whose coefficients are the differences of each factor, in their order."""
    columns = [
        values[table.levels[:, position]]
        for position, factor in enumerate(table.factors)
        for values in _level_columns(factor)
    ]
    return np.array(columns, float).reshape(-1, len(table.response)).T


def _level_columns(factor: FactorLevels) -> Iterator[Float[np.ndarray, " level"]]:
    """Yield a column over the levels for each difference of the factor: 0 at the baseline, 1 at the other level.

    A numeric factor has one difference; its values between the ends lie between 0 and 1.
    """
    if factor.numeric:
        values = numeric_values(factor)
        if len(values) > 1:
            yield (values - values[0]) / (values[-1] - values[0])
        return
    for name in factor.levels:
        if name != factor.baseline:
            yield np.array([float(level == name) for level in factor.levels])


def _coefficients(
    columns: Float[np.ndarray, "run column"], response: Float[np.ndarray, " run"]
) -> Float[np.ndarray, " column"]:
    """Return the coefficient of every column, NaN if the runs do not determine it."""
    scale = np.maximum(np.linalg.norm(columns, axis=0), np.finfo(float).tiny)
    left, sizes, right = np.linalg.svd(columns / scale, full_matrices=False)
    nonzero = sizes > TINY * sizes.max(initial=0)
    left, sizes, right = left[:, nonzero], sizes[nonzero], right[nonzero]
    coefficients = right.T @ (left.T @ response / sizes) / scale
    return np.where((right**2).sum(axis=0) > DETERMINED, coefficients, np.nan)


def _interval(
    direct: float, without: Float[np.ndarray, " block"], settings: InferenceSettings
) -> tuple[float, float] | None:
    blocks = len(without)
    if blocks < FEWEST_JACKKNIFED or not np.isfinite(without).all():
        return None
    pseudo = blocks * direct - (blocks - 1) * without
    error = float(pseudo.std(ddof=1) / np.sqrt(blocks))
    reach = float(stats.t.ppf(1 - settings.alpha / 2, blocks - 1)) * error
    widest = np.inf if settings.bounds is None else settings.bounds[1] - settings.bounds[0]
    return max(direct - reach, -widest), min(direct + reach, widest)
