"""Seeds as the unit of a fraction: against least squares of statsmodels, and by simulation."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.infer import infer
from ablate.inference.linear_model import LinearModel
from ablate.inference.permutation import Draws
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings

NAMES = {"a": ("x", "y"), "b": ("u", "v", "w"), "c": ("0", "1"), "d": ("0", "1")}
FACTORS = tuple(FactorLevels(name, name, levels, levels[0]) for name, levels in NAMES.items())
STEP = np.array([-1.0, 1.0])


def fraction(seeds, seed=0, unsteady=0.0):
    """Return half of the cells in so many seeds, noise of SD 1, and effects of c that differ between seeds."""
    generator = np.random.default_rng(seed)
    cells = [cell for cell in product(*(range(len(scores)) for scores in NAMES.values())) if sum(cell) % 2 == 0]
    named = [tuple(scores[at] for scores, at in zip(NAMES.values(), cell, strict=True)) for cell in cells]
    runs = pd.DataFrame([(*cell, at) for cell in named for at in range(seeds)], columns=[*NAMES, "seed"])
    runs["response"] = generator.normal(size=len(runs)) + generator.normal(size=seeds)[runs["seed"]]
    runs["response"] += unsteady * generator.normal(size=seeds)[runs["seed"]] * (runs["c"] == "1")
    return runs


def model(runs):
    return LinearModel.of(RunTable.of(runs, FACTORS, "seed"), ())


def test_with_equal_cells_a_blocks_estimate_is_its_own_least_squares():
    runs = fraction(4)
    fits = [ols("response ~ a + b + c + d", runs[runs["seed"] == seed]).fit() for seed in range(4)]
    fitted = model(runs)
    assert fitted.estimate(fitted.contrast(2, STEP), "block").by_block == pytest.approx(
        [f.params["c[T.1]"] for f in fits]
    )


def test_with_missing_runs_the_error_is_the_cluster_robust_one():
    runs = fraction(5).sample(frac=0.8, random_state=1)
    clustered = {"groups": runs["seed"], "use_correction": False}
    expected = ols("response ~ a + b + c + d + C(seed)", runs).fit(cov_type="cluster", cov_kwds=clustered)
    fitted = model(runs)
    error = fitted.estimate(fitted.contrast(2, STEP), "block").error
    assert error == pytest.approx(expected.bse["c[T.1]"] * np.sqrt(5 / 4))


@pytest.mark.parametrize("share", [1.0, 0.8])
def test_steadiness_is_the_f_test_of_the_interaction_with_the_seed(share):
    runs = fraction(4).sample(frac=share, random_state=1)
    same = ols("response ~ a + b + c + d + C(seed)", runs).fit()
    apart = ols("response ~ a + b * C(seed) + c + d", runs).fit()
    assert model(runs).seed_interaction_p(1) == pytest.approx(anova_lm(same, apart)["Pr(>F)"][1])


def test_p_of_blocks_counts_the_sign_flips_of_the_blocks_estimates():
    runs = fraction(7)
    fitted = model(runs)
    scores = fitted.estimate(fitted.contrast(2, STEP), "block").by_block
    sums = [abs(np.dot(signs, scores)) for signs in product((-1, 1), repeat=7)]
    share = np.mean([total >= abs(scores.sum()) - 1e-9 for total in sums])
    assert fitted.p_of_blocks(fitted.contrast(2, STEP)[np.newaxis], Draws(1000, 0)) == pytest.approx(share)


def test_a_block_that_lacks_a_level_has_no_say_in_it():
    runs = fraction(4)
    runs = runs[(runs["seed"] != 3) | (runs["c"] == "0")]
    fitted = model(runs)
    assert fitted.informative_blocks(fitted.contrast(2, STEP)[np.newaxis]) == 3


def test_in_a_fraction_of_many_seeds_whole_seeds_are_the_unit():
    tests = [verdict.test for verdict in infer(RunTable.of(fraction(9), FACTORS, "seed"), InferenceSettings()).verdicts]
    assert {(test.method, test.unit, test.smallest) for test in tests} == {("sign_flips", "block", 2.0**-8)}


def test_effects_that_change_with_the_seed_are_no_cause_in_a_fraction():
    named = 0
    for seed in range(60):
        inference = infer(
            RunTable.of(fraction(3, seed, unsteady=3.0), FACTORS, "seed"),
            InferenceSettings(interactions="none").model_copy(update={"permutations": 400}),
        )
        named += inference.verdicts[2].verdict == "cause"
    assert named / 60 <= 0.05 + 3.5 * np.sqrt(0.05 * 0.95 / 60)
