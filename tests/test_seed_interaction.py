"""Does an effect change with the seed: against the analysis of variance of statsmodels."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.matched import matched_sets
from ablate.inference.run_table import RunTable
from ablate.inference.seed_interaction import seed_interaction_p

LEVELS = {"a": ("x", "y", "z"), "b": ("0", "1"), "c": ("0", "1")}
FACTORS = tuple(FactorLevels(name, name, levels, levels[0]) for name, levels in LEVELS.items())


def runs(draw=0, seeds=4, changing=0.0):
    """Return a crossing, an interaction of a and b, and an effect of a's y that differs between seeds."""
    generator = np.random.default_rng(draw)
    table = pd.DataFrame(
        [(*cell, s) for cell in product(*LEVELS.values()) for s in range(seeds)], columns=[*"abc", "s"]
    )
    table["response"] = generator.normal(size=len(table)) + generator.normal(size=seeds)[table["s"]]
    table["response"] += 5.0 * (table["a"] == "y") * (table["b"] == "1")
    table["response"] += changing * generator.normal(size=seeds)[table["s"]] * (table["a"] == "y")
    return table


def steady(table, *factors):
    return seed_interaction_p(matched_sets(RunTable.of(table, FACTORS, "s"), factors))


def test_it_is_the_f_test_of_a_factor_times_the_seed():
    # Cells as they are, so that interactions of the factors are no noise; seeds' main effects cancel in a set.
    cells = "C(a) * C(b) * C(c) + C(s) * C(b) * C(c)"
    same, apart = (ols(f"response ~ {cells}{more}", runs()).fit() for more in ("", " + C(a):C(s)"))
    assert steady(runs(), 0) == pytest.approx(anova_lm(same, apart)["Pr(>F)"][1])


def test_an_effect_that_changes_with_the_seed_is_seen():
    assert steady(runs(changing=4.0), 0) < 0.001


def test_it_is_uniform_where_effects_are_the_same_in_every_seed():
    p_value = [steady(runs(draw), 0) for draw in range(400)]
    assert stats.kstest(p_value, "uniform").pvalue > 0.001


def test_an_interaction_that_changes_with_the_seed_is_seen_too():
    table = runs()
    sign = np.where((table["a"] == "y") == (table["b"] == "1"), 1.0, -1.0)
    table["response"] += 4.0 * np.array([1, -1, 1, -1])[table["s"]] * sign
    assert steady(table, 0, 1) < 0.001


def test_one_context_in_every_seed_tells_nothing():
    table = runs()
    assert steady(table[(table["b"] == "0") & (table["c"] == "0")], 0) is None


def test_one_seed_tells_nothing():
    assert steady(runs(seeds=1), 0) is None


def test_responses_without_any_noise_tell_nothing():
    assert steady(runs().assign(response=1.0), 0) is None
