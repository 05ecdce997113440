"""Power of a study's tests, and the minimum detectable effect."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import exp, floor, inf, isclose, pi, prod, sqrt

import numpy as np
from jaxtyping import Float
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import ndtr
from scipy.stats import f, ncf

from ablate.design.model_matrix import model_matrix
from ablate.inference.hypotheses import Family, Hypothesis
from ablate.inference.linear_model import LinearModel

TARGET_POWER = 0.8  # Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, section 2.4
LARGEST_EFFECT = 1_000.0  # standard deviations: the search for an effect ends here
ROUNDING = 1e-9  # levels and steps of p are rounded quotients
FEW_SIGN_PATTERNS = 2  # with so few rejecting sign patterns, their exact probability replaces that of a t test


@dataclass(frozen=True)
class FTest:
    """An F test of an effect: its level, its degrees of freedom, and how precisely the effect is estimated.

    `variance` is the variance of the estimated contrast if the residual variance of a run is 1. An effect of d standard
    deviations then has the noncentrality d^2 / variance. That is the smallest noncentrality of all patterns of means
    whose contrast is d, so the power of a factor with more than two levels is never overstated. With two levels this is
    the two-sided t test.
    """

    level: float
    numerator_df: int
    denominator_df: float
    variance: float

    def power(self, effect: float) -> float:
        """Return the probability that the test rejects, for an effect in residual standard deviations of a run."""
        if self.level <= 0 or self.denominator_df < 1:
            return 0.0
        if effect == 0:
            return self.level
        critical = f.isf(self.level, self.numerator_df, self.denominator_df)
        return float(ncf.sf(critical, self.numerator_df, self.denominator_df, effect**2 / self.variance))

    def minimum_detectable_effect(self, power: float = TARGET_POWER) -> float | None:
        """Return the smallest effect with this power, in residual standard deviations of a run; None if none has."""
        if self.power(LARGEST_EFFECT) < power:
            return None
        return float(brentq(lambda effect: self.power(effect) - power, 0, LARGEST_EFFECT, xtol=1e-6))


@dataclass(frozen=True)
class SignTest(FTest):
    """The exact permutation test of a difference with so few sets that nearly all must agree in sign to reject.

    It rejects for one or two of all sign patterns: all sets agree, or (`allows_exception`) all but the set with the
    smallest difference. The power of a t test would overstate that by up to a fifth.
    """

    allows_exception: bool = False

    def power(self, effect: float) -> float:
        """Return the probability that the sets agree in sign, if their differences are normal."""
        mean = effect / sqrt(self.variance * (self.denominator_df + 1))
        return self._agreement(mean) + self._agreement(-mean)

    def _agreement(self, mean: float) -> float:
        """Return the probability that all sets are positive, or all but the one nearest to 0 if that is allowed."""
        n_further_sets = self.denominator_df
        all_positive: float = float(ndtr(mean)) ** (n_further_sets + 1)
        if not self.allows_exception:
            return all_positive
        one_negative, _ = quad(
            lambda size: exp(-((size + mean) ** 2) / 2) * ndtr(mean - size) ** n_further_sets, 0, inf
        )
        return all_positive + float((n_further_sets + 1) * one_negative / sqrt(2 * pi))


def attainable_level(level: float, min_attainable_p: float) -> float:
    """Return the largest level up to `level` that a test attains whose p-values are multiples of the minimum."""
    return floor(level / min_attainable_p * (1 + ROUNDING)) * min_attainable_p


def f_test(hypothesis: Hypothesis, family: Family, level: float, counts: Sequence[int], n_seeds: int) -> FTest:
    """Return the F test whose power approximates that of a hypothesis's permutation test.

    `counts` holds the number of levels of each factor. A permutation of n sets, or of n seeds, is treated as the F test
    of n complete blocks: n - 1 times the numerator's degrees of freedom in the denominator. Single runs in a linear
    model have the degrees of freedom of its residuals. Permutation p-values are discrete, so the level is the largest
    attainable one up to `level`.
    """
    levels = [counts[position] for position in hypothesis.at]
    numerator_df = prod(count - 1 for count in levels)
    attained = attainable_level(level, hypothesis.smallest)
    is_matched = hypothesis.how == "matched"
    variance = (
        2 ** len(levels) / hypothesis.sets if is_matched else _contrast_variance(family.model, hypothesis.at, levels)
    )
    if hypothesis.unit == "run" and not is_matched:
        return FTest(attained, numerator_df, family.model.freedom, variance)
    blocks = n_seeds if hypothesis.unit == "block" else hypothesis.sets
    test = FTest(attained, numerator_df, numerator_df * (blocks - 1), variance)
    sign_patterns = round(attained / hypothesis.smallest)
    is_sign_test = numerator_df == 1 and isclose(hypothesis.smallest, 2.0 ** (1 - blocks))
    if is_sign_test and 1 <= sign_patterns <= FEW_SIGN_PATTERNS:
        return SignTest(
            test.level, test.numerator_df, test.denominator_df, variance, sign_patterns == FEW_SIGN_PATTERNS
        )
    return test


def _contrast_variance(model: LinearModel, term: tuple[int, ...], levels: Sequence[int]) -> float:
    """Return the largest variance of a difference of two levels, or of a difference of differences, in the model."""
    place = model.places[term]
    covariance = np.linalg.pinv(model.matrix.T @ model.matrix)[place, place]
    differences = np.ones((1, 1))
    for count in levels:
        differences = np.kron(differences, _differences(count))
    return float(np.einsum("di,ij,dj->d", differences, covariance, differences).max())


def _differences(count: int) -> Float[np.ndarray, "pair contrast"]:
    """Return every difference of two levels, in the contrasts of the model matrix."""
    codes = model_matrix(np.arange(count)[:, np.newaxis], [count], [])[:, 1:]
    return np.array([codes[first] - codes[second] for first, second in combinations(range(count), 2)])
