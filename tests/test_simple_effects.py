"""Effects of one factor at a level of another: in a fraction, against least squares of statsmodels."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
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


def half_a_factorial(effect):
    """Return half of the cells in four seeds, noise of SD 0.3 about `effect(a, b)`."""
    generator = np.random.default_rng(3)
    names = [factor.levels for factor in FACTORS]
    half_cells = [
        cell for cell in product(*names) if sum(item.index(at) for item, at in zip(names, cell, strict=True)) % 2 == 0
    ]
    runs = pd.DataFrame([(*cell, seed) for cell in half_cells for seed in range(4)], columns=[*"abcd", "seed"])
    runs["response"] = [effect(*row) for row in zip(runs["a"], runs["b"], strict=True)]
    runs["response"] += 0.3 * generator.normal(size=len(runs))
    return runs


def inferred(runs, pair):
    return infer(RunTable.of(runs, FACTORS, "seed"), InferenceSettings(interactions=[[*pair]]))


def doubled_at_w(a, b):
    return 3.0 * (a == "y") * (1 + (b == "w"))


@pytest.mark.parametrize("pair", [("a", "b"), ("b", "a")])
def test_simple_effects_of_a_fraction_are_those_of_least_squares(pair):
    runs = half_a_factorial(doubled_at_w)
    fitted = ols("response ~ C(a) * C(b) + C(c) + C(d) + C(seed)", runs).fit()
    effects = {(item.contrast, item.at): item for item in inferred(runs, pair).interactions[0].simple_effects}
    constraints = {
        ("y - x", "u"): "C(a)[T.y] = 0",
        ("y - x", "w"): "C(a)[T.y] + C(a)[T.y]:C(b)[T.w] = 0",
        ("w - u", "x"): "C(b)[T.w] = 0",
        ("w - u", "y"): "C(b)[T.w] + C(a)[T.y]:C(b)[T.w] = 0",
    }
    for key, constraint in constraints.items():
        expected = fitted.t_test(constraint)
        assert effects[key].estimate == pytest.approx(expected.effect.item())
        assert (effects[key].low, effects[key].high) == pytest.approx(tuple(expected.conf_int()[0]))


def test_an_effect_that_is_there_at_every_level_is_a_cause_in_a_fraction_too():
    verdicts = {
        item.factor: (item.verdict, item.partners)
        for item in inferred(half_a_factorial(doubled_at_w), ("a", "b")).verdicts
    }
    assert verdicts["a"] == ("cause", ())
    assert verdicts["b"] == ("acts only with", ("a",))


def test_an_effect_that_turns_round_acts_with_its_partner_in_a_fraction_too():
    runs = half_a_factorial(lambda a, b: (1.0 if a == "y" else -1.0) * {"u": -1, "v": 0, "w": 1}[b])
    verdicts = {item.factor: (item.verdict, item.partners) for item in inferred(runs, ("a", "b")).verdicts}
    assert verdicts["a"] == ("acts only with", ("b",))
    assert verdicts["b"] == ("acts only with", ("a",))
