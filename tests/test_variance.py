"""Shares of the sum of squares: against R's published analysis of npk, statsmodels, and cases worked by hand."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.run_table import RunTable
from ablate.inference.variance import variance

NPK = Path(__file__).parent / "reference" / "npk.csv"
LEVELS = ("0", "1", "2")


def table_of(runs, names):
    factors = [FactorLevels(name, name, tuple(LEVELS[: runs[name].max() + 1]), "0") for name in names]
    return RunTable.of(runs, factors, "block")


def study(seed=0):
    runs = pd.DataFrame(product(range(3), range(2), range(2), range(3)), columns=["a", "b", "c", "block"])
    noise = np.random.default_rng(seed).normal(size=len(runs))
    return runs.assign(response=runs.a + 2 * (runs.a == runs.b) + 3 * runs.block**2 + noise)


def test_shares_of_npk_are_those_that_r_publishes():
    shares = variance(table_of(pd.read_csv(NPK).rename(columns={"yield": "response"}), "NPK"))
    assert shares is not None
    # summary(aov(yield ~ block + N*P*K, npk)): N:P:K is mixed up with blocks, so that pairs are all there is.
    blocks, factors, pairs, residuals = 343.2950, 189.2817 + 8.4017 + 95.2017, 21.2817 + 33.1350 + 0.4817, 185.2867
    total = blocks + factors + pairs + residuals
    expected = np.array([factors, pairs, blocks, residuals]) / total
    assert [shares.factors, shares.interactions, shares.seed, shares.residual] == pytest.approx(expected, abs=1e-6)


def test_shares_with_holes_are_those_of_statsmodels():
    runs = study()
    runs.loc[np.random.default_rng(1).choice(len(runs), 9, replace=False), "response"] = np.nan
    shares = variance(table_of(runs, "abc"))
    assert shares is not None
    formula = "response ~ C(block) + C(a) + C(b) + C(c) + C(a):C(b) + C(a):C(c) + C(b):C(c)"
    sums = anova_lm(ols(formula, runs.dropna()).fit(), typ=1)["sum_sq"]
    assert shares.seed == pytest.approx(sums["C(block)"] / sums.sum())
    assert shares.factors == pytest.approx(sums[["C(a)", "C(b)", "C(c)"]].sum() / sums.sum())
    assert shares.interactions == pytest.approx(sums[["C(a):C(b)", "C(a):C(c)", "C(b):C(c)"]].sum() / sums.sum())
    assert shares.residual == pytest.approx(sums["Residual"] / sums.sum())


def test_a_sum_of_block_factor_and_pair_has_their_variances_shares():
    runs = study()
    signs = 2 * runs[["b", "c"]] - 1
    runs["response"] = 3.0 * runs.block + 2.0 * signs.b + 4.0 * signs.b * signs.c
    # Blocks 0, 3, 6 have variance 6, the factor 4, the pair 16.
    shares = variance(table_of(runs, "abc"))
    assert shares is not None
    found = [shares.seed, shares.factors, shares.interactions, shares.residual]
    assert found == pytest.approx([6 / 26, 4 / 26, 16 / 26, 0], abs=1e-12)


def test_a_pair_that_others_make_up_adds_nothing_twice():
    # A half fraction in which c is a x b: each pair is a main effect, which comes first.
    runs = pd.DataFrame({"a": [0, 0, 1, 1], "b": [0, 1, 0, 1], "c": [1, 0, 0, 1], "block": 0})
    shares = variance(table_of(runs.assign(response=[1.0, 5.0, 2.0, 4.0]), "abc"))
    assert shares is not None
    assert (shares.factors, shares.interactions, shares.seed) == pytest.approx((1, 0, 0), abs=1e-12)


@pytest.mark.parametrize("response", [0.1, np.nan])
def test_responses_that_do_not_differ_have_no_shares(response):
    assert variance(table_of(study().assign(response=response), "abc")) is None
