"""Where the differences between runs come from."""

import numpy as np

from ablate.design.model_matrix import all_pairs, columns, model_matrix
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
    sums = _sums_of_squares(response - response.mean(), _groups(table))
    total = float(((response - response.mean()) ** 2).sum())
    seed, factors, interactions = (own / total for own in sums)
    return Variance(factors, interactions, seed, max(0.0, 1 - seed - factors - interactions))


def _groups(table: RunTable) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the columns of blocks, of factors, and of pairs, each less its mean."""
    factors = len(table.factors)
    counts = [*(len(factor.levels) for factor in table.factors), len(table.blocks)]
    matrix = model_matrix(np.column_stack([table.levels, table.block])[table.defined], counts, all_pairs(factors))
    places = columns(counts, all_pairs(factors))
    matrix = matrix - matrix.mean(axis=0)
    blocks = places[factors,]
    return matrix[:, blocks], matrix[:, 1 : blocks.start], matrix[:, blocks.stop :]


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
