"""Power and detectable effects, against R's, statsmodels' and simulated ones."""

from itertools import product
from math import sqrt

import numpy as np
import pytest
from scipy.stats import norm
from statsmodels.stats.power import FTestAnovaPower, TTestPower

from ablate.planning.power import FTest, SignTest, attainable_level


def two_groups(n, level=0.05):
    """Two independent groups of n runs each."""
    return FTest(level, 1, 2 * (n - 1), 2 / n)


@pytest.mark.parametrize(
    ("n", "delta", "expected"),
    [
        (20, 1, 0.8689528),  # R: power.t.test(n = 20, delta = 1, sd = 1)
        (22.02110, 1, 0.90),  # R: power.t.test(power = .90, delta = 1)
        (64, 0.5, 0.8014596),  # R: pwr.t.test(n = 64, d = 0.5); Cohen 1988, table 2.4.1
    ],
)
def test_the_power_of_a_two_sample_t_test_is_that_of_r(n, delta, expected):
    assert two_groups(n).power(delta) == pytest.approx(expected, abs=2e-6)


def test_the_minimum_detectable_effect_is_that_of_r():
    found = two_groups(20).minimum_detectable_effect(0.90)
    assert found == pytest.approx(1.0522, abs=1e-3)  # R: power.t.test(n = 20, power = .90)


def test_the_power_of_an_analysis_of_variance_is_that_of_r():
    n, groups = 44.59927, 4  # R: pwr.anova.test(k = 4, f = .25, sig.level = .05, power = .8)
    test = FTest(0.05, groups - 1, groups * (n - 1), 2 / n)
    assert test.power(0.25 * sqrt(2 * groups)) == pytest.approx(0.8, abs=1e-6)


@pytest.mark.parametrize(("n", "effect", "level"), [(6, 2.0, 0.05), (12, 1.0, 0.01), (30, 0.5, 0.004)])
def test_matched_pairs_have_the_power_of_statsmodels_paired_t_test(n, effect, level):
    expected = TTestPower().power(effect / sqrt(2), n, level)
    assert FTest(level, 1, n - 1, 2 / n).power(effect) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("groups", "n", "f"), [(3, 10, 0.4), (5, 8, 0.3), (6, 20, 0.25)])
def test_more_levels_have_the_power_of_statsmodels_f_test(groups, n, f):
    expected = FTestAnovaPower().power(f, groups * n, 0.05, groups)
    assert FTest(0.05, groups - 1, groups * (n - 1), 2 / n).power(f * sqrt(2 * groups)) == pytest.approx(expected)


def test_without_an_effect_power_is_the_level():
    assert FTest(0.01, 2, 12, 0.1).power(0) == 0.01


def test_a_test_without_an_attainable_level_has_no_power():
    test = FTest(attainable_level(0.05, 2**-4), 1, 4, 2 / 5)
    assert test.power(100) == 0
    assert test.minimum_detectable_effect() is None


@pytest.mark.parametrize(
    ("level", "smallest", "expected"),
    [(0.05, 0.0625, 0), (0.025, 2**-6, 2**-6), (0.05, 2**-6, 3 * 2**-6), (0.3, 0.1, 0.3)],
)
def test_the_attainable_level_is_the_largest_multiple_of_the_minimum_p(level, smallest, expected):
    assert attainable_level(level, smallest) == pytest.approx(expected)


def sign_flips(differences):
    """Return the p of every row over all sign patterns."""
    sets = differences.shape[1]
    signs = np.array(list(product((1, -1), repeat=sets - 1)))
    turned = np.abs(differences[:, :1] + differences[:, 1:] @ signs.T)
    return (turned >= turned[:, :1] - 1e-9).mean(axis=1)


@pytest.mark.parametrize(("sets", "effect"), [(6, 2.4), (8, 1.8)])
def test_the_power_of_a_sign_test_is_that_of_its_permutations(sets, effect):
    drawn = np.random.default_rng(0).normal(effect, sqrt(2), (4_000, sets))
    level = 2.0 ** (1 - sets)
    found = (sign_flips(drawn) <= level).mean()
    assert SignTest(level, 1, sets - 1, 2 / sets).power(effect) == pytest.approx(found, abs=0.025)
    assert found < FTest(level, 1, sets - 1, 2 / sets).power(effect) - 0.05


@pytest.mark.parametrize(("sets", "effect"), [(7, 1.8), (9, 2.13)])
def test_the_power_of_a_sign_test_with_one_exception_is_that_of_its_permutations(sets, effect):
    drawn = np.random.default_rng(2).normal(effect, sqrt(2), (4_000, sets))
    level = 2 * 2.0 ** (1 - sets)
    found = (sign_flips(drawn) <= level).mean()
    assert SignTest(level, 1, sets - 1, 2 / sets, allows_exception=True).power(effect) == pytest.approx(
        found, abs=0.025
    )


@pytest.mark.parametrize("allows_exception", [False, True])
def test_a_sign_test_without_an_effect_rejects_at_its_level(allows_exception):
    level = (1 + allows_exception) * 2.0**-7
    assert SignTest(level, 1, 7, 2 / 8, allows_exception).power(0) == pytest.approx(level)


def test_the_power_of_a_sign_test_of_seven_sets_by_hand():
    expected = norm.cdf(2 / sqrt(2)) ** 7 + norm.cdf(-2 / sqrt(2)) ** 7
    assert SignTest(2**-6, 1, 6, 2 / 7).power(2.0) == pytest.approx(expected)


def test_permutations_of_more_sets_have_nearly_the_power_of_the_t_test():
    drawn = np.random.default_rng(1).normal(1.4, sqrt(2), (1_000, 12))
    level = attainable_level(0.05 / 6, 2**-11)
    found = (sign_flips(drawn) <= level).mean()
    assert FTest(level, 1, 11, 2 / 12).power(1.4) == pytest.approx(found, abs=0.05)
