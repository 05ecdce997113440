"""Trends over ordered levels against R's contr.poly, and adjusted p-values against Holm's rule worked by hand."""

import numpy as np
import pandas as pd
import pytest

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.infer import infer
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings

CONTR_POLY = {  # R 4: contr.poly(3), contr.poly(4)
    3: {"linear": [-0.7071068, 0, 0.7071068], "quadratic": [0.4082483, -0.8164966, 0.4082483]},
    4: {
        "linear": [-0.6708204, -0.2236068, 0.2236068, 0.6708204],
        "quadratic": [0.5, -0.5, -0.5, 0.5],
        "cubic": [-0.2236068, 0.6708204, -0.6708204, 0.2236068],
    },
}
BY_HAND = {"linear": [-4, -1, 5], "quadratic": [2, -3, 1]}  # levels 1, 2, 4: orthogonal to 1 and to each other


def trends(levels, seed=0):
    """Return the means of an ordered factor's levels over five seeds, and the estimate of each trend."""
    responses = np.random.default_rng(seed).normal(size=(5, len(levels)))
    runs = pd.DataFrame({"dose": list(levels) * 5, "seed": np.repeat(range(5), len(levels))})
    runs["response"] = responses.ravel()
    dose = FactorLevels("dose", "dose", tuple(levels), levels[0], ordered=True)
    (verdict,) = infer(RunTable.of(runs, [dose], "seed"), InferenceSettings()).verdicts
    return responses.mean(axis=0), {own.trend: own.estimate for own in verdict.effects if own.trend}


def scaled(weights):
    """Return the weights with those above zero adding up to 1: a difference of two means."""
    weights = np.array(weights, float)
    return weights / weights[weights > 0].sum()


@pytest.mark.parametrize("levels", [("1", "3", "5"), ("small", "medium", "large"), ("0", "1", "2", "3")])
def test_trends_over_equal_steps_are_rs(levels):
    means, found = trends(levels)
    published = CONTR_POLY[len(levels)]
    assert set(found) == set(published)
    for name, weights in published.items():
        assert found[name] == pytest.approx(scaled(weights) @ means, abs=1e-6)


def test_trends_over_unequal_steps_take_the_levels_by_value():
    means, found = trends(("1", "2", "4"))
    for name, weights in BY_HAND.items():
        assert found[name] == pytest.approx(scaled(weights) @ means)


def test_the_line_rises_with_the_value_where_levels_fall():
    means, found = trends(("4", "2", "1"))
    assert found["linear"] == pytest.approx(scaled([5, -1, -4]) @ means)
    assert found["quadratic"] == pytest.approx(scaled([1, -3, 2]) @ means)


def holm(values):
    """Return R's p.adjust(values, "holm"): the i-th least times n + 1 - i, never below the one before, at most 1."""
    order, adjusted, highest = np.argsort(values), np.empty(len(values)), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, (len(values) - rank) * values[place])
        adjusted[place] = min(1, highest)
    return adjusted


def test_holms_rule_by_hand_is_rs():
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])


def test_contrasts_are_adjusted_within_their_factor_and_with_it():
    generator = np.random.default_rng(9)
    runs = pd.DataFrame([(a, b, s) for a in "12" for b in "1234" for s in range(10)], columns=["A", "B", "seed"])
    runs["response"] = generator.normal(size=len(runs)) + 0.8 * (runs["B"] == "4")
    factors = [FactorLevels("A", "A", ("1", "2"), "1"), FactorLevels("B", "B", ("1", "2", "3", "4"), "1")]
    for verdict in infer(RunTable.of(runs, factors, "seed"), InferenceSettings()).verdicts:
        assert verdict.p_adjusted is not None
        own = holm([effect.p for effect in verdict.effects])
        assert [effect.p_adjusted for effect in verdict.effects] == pytest.approx(np.maximum(own, verdict.p_adjusted))
