"""Where the differences between runs come from."""

import numpy as np

from ablate.design.model_matrix import all_pairs, model_matrix, parameters
from ablate.inference.block_effects import within
from ablate.inference.inference import Variance
from ablate.inference.run_table import RunTable

TINY = 1e-9  # relative to a matrix's largest entry: columns that earlier ones make up
ROUNDING = 1e-10  # of the largest response: a standard deviation that is rounding alone


def variance(table: RunTable) -> Variance | None:
    """Return the shares of seeds, main effects and two-factor interactions in the total sum of squares.

    The sums of squares are sequential: blocks, then all factors, then all pairs of factors, each as far as the runs
    tell it from what came before (type I; Kirk 2013, Experimental Design, chapter 8). In a crossing without holes the
    order makes no difference. None where the responses do not differ.
    """
    own = table.defined
    response = table.response[own]
    if not len(response) or response.std() <= ROUNDING * np.abs(response).max():
        return None
    total = float(((response - response.mean()) ** 2).sum())
    own_seeds = within(response, table.block[own])
    seed = 1 - float((own_seeds**2).sum()) / total
    factors, interactions = (found / total for found in _sums_of_squares(own_seeds, _groups(table)))
    return Variance(factors, interactions, seed, max(0.0, 1 - seed - factors - interactions))


def _groups(table: RunTable) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns of factors and of pairs, each less its blocks' means."""
    counts, pairs = [len(factor.levels) for factor in table.factors], all_pairs(len(table.factors))
    own = table.defined
    matrix = within(model_matrix(table.levels[own], counts, pairs), table.block[own])
    mains = parameters(counts, ())
    return matrix[:, 1:mains], matrix[:, mains:]


def _sums_of_squares(response: np.ndarray, groups: tuple[np.ndarray, ...]) -> list[float]:
    """Return what each group of columns adds to the sum of squares that those before it explain."""
    basis = np.empty((len(response), 0))
    sums = []
    for added in groups:
        rest = added - basis @ (basis.T @ added)
        left, sizes, _ = np.linalg.svd(rest, full_matrices=False)
        new = left[:, sizes > TINY * np.sqrt(rest.size)]
        sums.append(float(((new.T @ response) ** 2).sum()))
        basis = np.column_stack([basis, new])
    return sums
