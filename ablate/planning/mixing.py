"""How far any two terms of a design lie in each other's direction."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from ablate.design.model_matrix import Term, all_pairs, columns, model_matrix

ROUNDING = 1e-9


def mixing(
    levels: Int[np.ndarray, "cell factor"], counts: Sequence[int]
) -> tuple[tuple[Term, ...], Float[np.ndarray, "term term"]]:
    """Return every main effect and two-factor interaction, and the largest correlation between any two of them.

    The correlation is the first canonical one between the contrasts of two terms over the cells, in [0, 1]: 0 where
    they are told apart wholly, 1 where a contrast of one is a contrast of the other (Hotelling 1936,
    doi:10.1093/biomet/28.3-4.321). A term of which no contrast varies over the cells has 0 with all.
    """
    pairs = all_pairs(len(counts))
    places = columns(counts, pairs)
    matrix = model_matrix(levels, counts, pairs)
    terms = tuple(term for term in places if term)
    axes = [_axes(matrix[:, places[term]]) for term in terms]
    found = np.eye(len(terms))
    for one in range(len(terms)):
        for other in range(one):
            found[one, other] = found[other, one] = _largest(axes[one].T @ axes[other])
    return terms, np.clip(found, 0, 1)


def _axes(block: Float[np.ndarray, "cell contrast"]) -> Float[np.ndarray, "cell axis"]:
    """Return orthonormal axes of the contrasts about their means."""
    left, sizes, _ = np.linalg.svd(block - block.mean(axis=0), full_matrices=False)
    return left[:, sizes > ROUNDING * len(block)]


def _largest(products: Float[np.ndarray, "axis axis"]) -> float:
    return float(np.linalg.svd(products, compute_uv=False).max(initial=0))
