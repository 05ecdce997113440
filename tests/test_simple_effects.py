"""Effects of one factor at a level of another: in a fraction, against least squares of statsmodels."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.infer import infer
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings

FACTORS = (
    FactorLevels("a", "a", ("x", "y"), "x"),
    FactorLevels("b", "b", ("u", "v", "w"), "u"),
    FactorLevels("c", "c", ("0", "1"), "0"),
    FactorLevels("d", "d", ("0", "1"), "0"),
)
SEEDS = 7


def model_at(level):
    """Return a formula whose coefficient C(a)[T.y] is the effect of a at a level of b, averaged over c and d."""
    return f"response ~ (C(a) + C(b, Treatment('{level}')) + C(c, Sum) + C(d, Sum)) ** 2"


def fraction(effect):
    """Return three quarters of the cells in seven seeds, noise of SD 0.3 about `effect(a, b)`."""
    generator = np.random.default_rng(3)
    names = [factor.levels for factor in FACTORS]
    places = [[item.index(at) for item, at in zip(names, cell, strict=True)] for cell in product(*names)]
    cells = [cell for cell, place in zip(product(*names), places, strict=True) if sum(place) % 4]
    runs = pd.DataFrame([(*cell, seed) for cell in cells for seed in range(SEEDS)], columns=[*"abcd", "seed"])
    runs["response"] = [effect(*row) for row in zip(runs["a"], runs["b"], strict=True)]
    runs["response"] += 0.3 * generator.normal(size=len(runs))
    return runs


def inferred(runs, pair):
    return infer(RunTable.of(runs, FACTORS, "seed"), InferenceSettings(interactions=[[*pair]]))


def doubled_at_w(a, b):
    return 3.0 * (a == "y") * (1 + (b == "w"))


@pytest.mark.parametrize("pair", [("a", "b"), ("b", "a")])
def test_simple_effects_of_a_fraction_are_those_of_least_squares(pair):
    runs = fraction(doubled_at_w)
    effects = {(item.contrast, item.at): item for item in inferred(runs, pair).interactions[0].simple_effects}
    fits = {at: ols(f"{model_at(at)} + C(seed)", runs).fit() for at in "uvw"}
    for at, fitted in fits.items():
        assert effects["y - x", at].estimate == pytest.approx(fitted.params["C(a)[T.y]"])
    assert len(effects) == 3 + 2 * 2  # y - x at three levels of b; v - u and w - u at two levels of a


def test_a_simple_effect_of_whole_seeds_has_the_interval_of_the_seeds_estimates():
    # In every seed the same cells ran, so the robust error is that of the seeds' single estimates (Student's t).
    runs = fraction(doubled_at_w)
    effect = next(e for e in inferred(runs, ("a", "b")).interactions[0].simple_effects if (e.level, e.at) == ("y", "w"))
    by_seed = [ols(model_at("w"), group).fit().params["C(a)[T.y]"] for _, group in runs.groupby("seed")]
    interval = stats.ttest_1samp(by_seed, 0).confidence_interval(0.95)
    assert (effect.low, effect.high) == pytest.approx((interval.low, interval.high))


def test_an_effect_that_is_there_at_every_level_is_a_cause_in_a_fraction_too():
    verdicts = {
        item.factor: (item.verdict, item.partners) for item in inferred(fraction(doubled_at_w), ("a", "b")).verdicts
    }
    assert verdicts["a"] == ("cause", ("b",))
    assert verdicts["b"] == ("acts only with", ("a",))


def test_an_effect_that_changes_its_sign_acts_with_its_partner_in_a_fraction_too():
    runs = fraction(lambda a, b: (1.0 if a == "y" else -1.0) * {"u": -1, "v": 0, "w": 1}[b])
    verdicts = {item.factor: (item.verdict, item.partners) for item in inferred(runs, ("a", "b")).verdicts}
    assert verdicts["a"] == ("acts only with", ("b",))
    assert verdicts["b"] == ("acts only with", ("a",))


def test_pairs_that_are_not_significant_have_no_simple_effects():
    runs = fraction(lambda a, _: 3.0 * (a == "y"))
    assert inferred(runs, ("a", "b")).interactions[0].simple_effects == ()
