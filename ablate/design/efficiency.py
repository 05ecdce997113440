"""How much a design tells for its number of cells, against an orthogonal design of as many."""

import numpy as np
from jaxtyping import Float


def d_efficiency(matrix: Float[np.ndarray, "cell parameter"]) -> float:
    """Return |X'X|^(1/p) / N of a model matrix with p columns and N rows, as `model_matrix` codes it.

    1 is an orthogonal design, whose estimates have the least joint variance that N runs allow; 0 is one that cannot
    estimate every parameter. Atkinson, Donev and Tobias, Optimum Experimental Designs (2007), section 11.2.
    """
    cells, parameters = matrix.shape
    if np.linalg.matrix_rank(matrix) < parameters:
        return 0.0
    return float(np.exp(np.linalg.slogdet(matrix.T @ matrix).logabsdet / parameters) / cells)


def a_efficiency(matrix: Float[np.ndarray, "cell parameter"]) -> float:
    """Return p / (N tr (X'X)^-1): the same, by the mean variance of the estimates. In [0, 1], and at most D."""
    cells, parameters = matrix.shape
    if np.linalg.matrix_rank(matrix) < parameters:
        return 0.0
    return float(parameters / (cells * np.trace(np.linalg.inv(matrix.T @ matrix))))
