"""What is left of an effect between runs that are equal in another measure."""

from collections.abc import Iterator
from itertools import chain

import numpy as np
from jaxtyping import Float

from ablate.inference.block_effects import within
from ablate.inference.contrasts import Contrast, difference
from ablate.inference.estimate import Estimate
from ablate.inference.inference import Mediation
from ablate.inference.interval import interval
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings

FEWEST_BLOCKS = 3
TINY = 1e-9  # relative to the largest singular value: columns that others make up
TOLD = 1 - 1e-7  # of a coefficient's own direction lies in what the runs show


def mediation(table: RunTable, settings: InferenceSettings) -> tuple[Mediation, ...]:
    """Return the total and the direct effect of every level against the baseline, for every mediator of the table.

    Both are least squares over the runs that have the response and the mediator, with blocks and the main effects of
    all factors; `direct` has the mediator beside them (difference of coefficients: Judd & Kenny 1981,
    doi:10.1177/0193841X8100500502). The interval of `direct` is that of the other effects, over the pseudo-values of
    leaving out one block at a time (Tukey 1958, doi:10.1214/aoms/1177706647); None below three blocks. Contrasts that
    the runs do not tell apart from other factors or from the mediator are left out.

    Read as a cause, `direct` rests on assumptions that no run can show: nothing unmeasured moves both the mediator and
    the response within a block, the mediator is measured without error, and it acts along one straight line at every
    level of every factor.
    """
    return tuple(chain.from_iterable(_through(table, mediator, settings) for mediator in table.mediators))


def _through(table: RunTable, mediator: str, settings: InferenceSettings) -> Iterator[Mediation]:
    own = table.defined & np.isfinite(table.mediators[mediator])
    block = np.unique(table.block[own], return_inverse=True)[1]
    response = within(table.response[own], block)
    dummies = within(_dummies(table)[own], block)
    covariate = within(table.mediators[mediator][own], block)
    both = np.column_stack([dummies, covariate])
    total, direct = _coefficients(dummies, response), _coefficients(both, response)
    without = np.array([_coefficients(both[block != left], response[block != left]) for left in np.unique(block)])
    for position, contrast in enumerate(_differences(table)):
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


def _differences(table: RunTable) -> tuple[Contrast, ...]:
    """Return every level minus the baseline, in the order of the columns."""
    return tuple(
        difference(factor, level) for factor in table.factors for level in factor.levels if level != factor.baseline
    )


def _dummies(table: RunTable) -> Float[np.ndarray, "run contrast"]:
    """Return the columns whose coefficients are the levels' differences from the baseline."""
    columns = [
        table.levels[:, position] == level
        for position, factor in enumerate(table.factors)
        for level, name in enumerate(factor.levels)
        if name != factor.baseline
    ]
    return np.array(columns, float).reshape(-1, len(table.response)).T


def _coefficients(columns: Float[np.ndarray, "run column"], response: Float[np.ndarray, " run"]) -> np.ndarray:
    """Return the coefficient of every column, NaN where the runs do not tell it apart from the others."""
    scale = np.maximum(np.linalg.norm(columns, axis=0), np.finfo(float).tiny)
    left, sizes, right = np.linalg.svd(columns / scale, full_matrices=False)
    shown = sizes > TINY * sizes.max(initial=0)
    left, sizes, right = left[:, shown], sizes[shown], right[shown]
    coefficients = right.T @ (left.T @ response / sizes) / scale
    return np.where((right**2).sum(axis=0) > TOLD, coefficients, np.nan)


def _interval(
    direct: float, without: Float[np.ndarray, " block"], settings: InferenceSettings
) -> tuple[float, float] | None:
    blocks = len(without)
    if blocks < FEWEST_BLOCKS or not np.isfinite(without).all():
        return None
    pseudo = blocks * direct - (blocks - 1) * without
    error = float(pseudo.std(ddof=1) / np.sqrt(blocks))
    estimate = Estimate(direct, error, blocks - 1, pseudo, blocks, blocks, 0, None)
    return interval(estimate, "block", settings, 1 - settings.alpha)
