"""How precisely the runs of a study estimate what each hypothesis is about."""

from collections.abc import Sequence
from itertools import combinations
from math import isclose, prod

import numpy as np
from jaxtyping import Float

from ablate.design.model_matrix import model_matrix
from ablate.inference.hypotheses import Family, Hypothesis
from ablate.inference.linear_model import LinearModel
from ablate.planning.power import FTest, Unanimity, attained

FEW = 2  # dealings of signs that reject: their chance is worked out, not that of a t test


def f_test(own: Hypothesis, found: Family, level: float, counts: Sequence[int], seeds: int) -> FTest:
    """Return the F test that stands for the randomization test of a hypothesis.

    `counts` are the numbers of levels of all factors. Relabeling n sets, or n seeds, is judged like the F test of n
    complete blocks, with n - 1 times the numerator's degrees of freedom below; runs in a linear model have those of its
    residuals. What is counted or drawn has steps, so that the level is the largest step up to `level`.
    """
    levels = [counts[position] for position in own.at]
    numerator = prod(count - 1 for count in levels)
    reached = attained(level, own.smallest)
    matched = own.how == "matched"
    variance = 2 ** len(levels) / own.sets if matched else _of_model(found.model, own.at, levels)
    if own.unit == "run" and not matched:
        return FTest(reached, numerator, found.model.freedom, variance)
    blocks = seeds if own.unit == "block" else own.sets
    found_by = (reached, numerator, numerator * (blocks - 1), variance)
    dealings = round(reached / own.smallest)
    if numerator == 1 and 1 <= dealings <= FEW and isclose(own.smallest, 2.0 ** (1 - blocks)):
        return Unanimity(*found_by, but_one=dealings == FEW)
    return FTest(*found_by)


def _of_model(model: LinearModel, term: tuple[int, ...], levels: Sequence[int]) -> float:
    """Return the largest variance of a difference of two levels, or of the change of one, in the model."""
    place = model.places[term]
    covariance = np.linalg.pinv(model.matrix.T @ model.matrix)[place, place]
    differences = np.ones((1, 1))
    for count in levels:
        differences = np.kron(differences, _differences(count))
    return float(np.einsum("di,ij,dj->d", differences, covariance, differences).max())


def _differences(count: int) -> Float[np.ndarray, "pair contrast"]:
    """Return every difference of two levels in the contrasts of the model matrix."""
    codes = model_matrix(np.arange(count)[:, np.newaxis], [count], [])[:, 1:]
    return np.array([codes[one] - codes[other] for one, other in combinations(range(count), 2)])
