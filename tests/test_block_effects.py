"""How much runs vary about their cell and seed: against least squares of statsmodels."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols

from ablate.inference.block_effects import run_deviation
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.run_table import RunTable

FACTORS = tuple(FactorLevels(name, name, ("0", "1", "2"), "0") for name in "ab")


def runs(seeds=4, share=1.0):
    generator = np.random.default_rng(0)
    table = pd.DataFrame([(*cell, s) for cell in product("012", repeat=2) for s in range(seeds)], columns=[*"ab", "s"])
    table["response"] = generator.normal(size=len(table)) + 9 * generator.normal(size=seeds)[table["s"]]
    return table.sample(frac=share, random_state=2)


def deviation(table):
    return run_deviation(RunTable.of(table, FACTORS, "s"))


@pytest.mark.parametrize("share", [1.0, 0.7])
def test_it_is_the_residual_deviation_of_cells_and_seeds(share):
    fitted = ols("response ~ C(a) * C(b) + C(s)", runs(share=share)).fit()
    assert deviation(runs(share=share)) == pytest.approx((np.sqrt(fitted.mse_resid), fitted.df_resid), rel=1e-4)


def test_failed_runs_are_left_out():
    table = runs()
    failed = table.copy()
    failed.loc[[3, 7], "response"] = np.nan
    assert deviation(failed) == pytest.approx(deviation(table.drop([3, 7])))


def test_one_seed_tells_nothing():
    assert deviation(runs(seeds=1)) == (None, 0)
