"""The linear model of a table without matched sets: against least squares and F tests of statsmodels."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.linear_model import LinearModel
from ablate.inference.permutation import Draws
from ablate.inference.run_table import RunTable

FACTORS = (FactorLevels("a", "a", ("0", "1", "2"), "0"), *(FactorLevels(n, n, ("0", "1"), "0") for n in "bc"))
FORMULA = "response ~ C(a) + C(b) * C(c) + C(seed)"
KERNEL, LOSS, NORM = range(3)


def runs(draw=0, share=0.6, effect=0.0):
    generator = np.random.default_rng(draw)
    table = pd.DataFrame(
        [(*cell, s) for cell in product("012", "01", "01") for s in range(3)], columns=[*"abc", "seed"]
    )
    table["response"] = generator.normal(size=len(table)) + 5 * generator.normal(size=3)[table["seed"]]
    table["response"] += effect * (table["a"] == "2")
    return table.sample(frac=share, random_state=draw)


def model(table, pairs=((LOSS, NORM),)):
    return LinearModel.of(RunTable.of(table, FACTORS, "seed"), pairs)


def test_a_difference_and_its_error_are_those_of_least_squares():
    fitted = model(runs())
    estimate = fitted.estimate(fitted.contrast(KERNEL, np.array([-1.0, 0.0, 1.0])))
    expected = ols(FORMULA, runs()).fit()
    assert (estimate.value, estimate.error, estimate.freedom) == pytest.approx(
        (expected.params["C(a)[T.2]"], expected.bse["C(a)[T.2]"], expected.df_resid)
    )


def test_a_difference_beside_anothers_level_is_that_of_least_squares():
    fitted = model(runs())
    estimate = fitted.estimate(fitted.contrast(NORM, np.array([-1.0, 1.0]), partner=(LOSS, 1)))
    expected = ols(FORMULA, runs()).fit().t_test("C(c)[T.1] + C(b)[T.1]:C(c)[T.1] = 0")
    assert (estimate.value, estimate.error) == pytest.approx((expected.effect.item(), expected.sd.item()))


def test_partial_eta_squared_is_the_terms_sum_of_squares_over_it_and_the_residuals():
    whole, without = (ols(formula, runs()).fit() for formula in (FORMULA, FORMULA.replace("C(a) + ", "")))
    fitted = model(runs())
    assert fitted.partial_eta_squared(fitted.term(KERNEL)) == pytest.approx(1 - whole.ssr / without.ssr)


def test_terms_that_others_make_up_are_not_estimable():
    table = runs(share=1.0)
    aliased = model(table[table["b"] == table["c"]], pairs=())
    assert [bool(aliased.estimable(aliased.term(at))) for at in (KERNEL, LOSS, NORM)] == [True, False, False]


def test_shuffled_residuals_come_close_to_the_f_test_under_normal_noise():
    for draw in range(4):
        whole, without = (ols(f, runs(draw, 0.8, 1.0)).fit() for f in (FORMULA, FORMULA.replace("C(a) + ", "")))
        fitted = model(runs(draw, 0.8, 1.0))
        expected = anova_lm(without, whole)["Pr(>F)"][1]
        assert fitted.p(fitted.term(KERNEL), Draws(20_000, 0)) == pytest.approx(expected, abs=0.035)


def test_shuffled_residuals_keep_the_chance_of_a_false_alarm():
    estimate = []
    for draw in range(400):
        fitted = model(runs(draw))
        estimate.append(fitted.p(fitted.term(KERNEL), Draws(199, draw)))
    assert np.mean(np.array(estimate) <= 0.05) == pytest.approx(0.05, abs=3.5 * np.sqrt(0.05 * 0.95 / 400))


def test_a_table_no_larger_than_its_model_has_no_error():
    table = runs(share=1.0)
    saturated = model(table[(table["seed"] == 0) & (table["a"] == "0")])
    assert saturated.freedom == 0
    assert saturated.estimate(saturated.contrast(LOSS, np.array([-1.0, 1.0]))).error is None
