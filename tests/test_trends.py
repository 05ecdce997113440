"""Numeric factors and trends over ordered levels: against least squares of statsmodels, and brute force."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.infer import infer
from ablate.inference.kind_of_test import KindOfTest
from ablate.inference.settings import InferenceSettings
from tests import enumerated
from tests.drawn_tables import crossed, noise, random_search, table

RATES = ("0.001", "0.003", "0.01", "0.03", "0.1")
DEPTHS = ("2", "3", "5", "8")
MARGIN = InferenceSettings(margin=0.5)


def numeric(levels):
    return FactorLevels("a", "A", levels, levels[0], numeric=True)


def ordered(levels):
    return FactorLevels("a", "A", levels, levels[0], ordered=True)


def plain(count=2):
    return FactorLevels("b", "B", tuple(map(str, range(count))), "0")


def frame(rows, response, levels):
    """Return the runs with the value of the first factor, and its logarithm."""
    value = np.array([float(level) for level in levels])[rows[:, 0]]
    runs = pd.DataFrame({"a": value, "b": rows[:, 1], "seed": rows[:, 2], "response": response})
    return runs.assign(log=np.log10(value))


@pytest.mark.parametrize(("levels", "column"), [(RATES, "log"), (DEPTHS, "a")])
@pytest.mark.parametrize("holes", [False, True])
def test_the_trend_of_a_numeric_factor_is_the_slope_of_statsmodels(levels, column, holes):
    # 0.001 to 0.1 spans two decades, so the slope is over the logarithm; 2 to 8 does not.
    generator = np.random.default_rng(0)
    rows = crossed((len(levels), 2), 8)
    rows = rows[generator.random(len(rows)) < 0.8] if holes else rows
    response = noise(rows, generator) + 0.4 * rows[:, 0]
    (verdict, _) = infer(table(rows, response, (numeric(levels), plain())), MARGIN).verdicts
    (effect,) = verdict.effects
    runs = frame(rows, response, levels)
    slope = smf.ols(f"response ~ {column} * C(b, Sum) + C(seed)", runs).fit().params[column]
    assert effect.estimate == pytest.approx(slope * (runs[column].max() - runs[column].min()))
    assert (effect.level, effect.baseline) == (levels[-1], levels[0])


def test_the_flips_of_a_numeric_factor_are_those_of_its_single_column():
    rows = crossed((4, 2), 6)
    response = noise(rows, np.random.default_rng(1)) + 0.3 * rows[:, 0]
    values = np.array([float(level) for level in DEPTHS])[rows[:, 0]][:, np.newaxis]
    centered = values - np.mean([float(level) for level in DEPTHS])
    terms = {"a": centered, "b": enumerated.sum_coding(rows[:, 1], 2)}
    terms["ab"] = enumerated.products(terms["a"], terms["b"])
    expected = enumerated.seed_flips(response, rows[:, 2], terms)
    result = infer(table(rows, response, (numeric(DEPTHS), plain())), InferenceSettings())
    p = {verdict.factor: verdict.p_adjusted for verdict in result.verdicts} | {"ab": result.interactions[0].p_adjusted}
    assert p == pytest.approx(expected)


def test_a_numeric_factor_without_a_trend_is_cleared_and_one_with_a_trend_is_a_cause():
    rows = crossed((4, 2), 12)
    quiet = 0.3 * noise(rows, np.random.default_rng(2))
    verdicts = [
        infer(table(rows, quiet + slope * rows[:, 0], (numeric(DEPTHS), plain())), MARGIN).verdicts[0].verdict
        for slope in (0.0, 0.5)
    ]
    assert verdicts == ["not a cause", "cause"]


def test_a_numeric_factor_in_a_table_that_nobody_planned_is_exploratory():
    rows = random_search((4, 2, 2, 2), 80, 20, np.random.default_rng(3))
    response = noise(rows, np.random.default_rng(4)) + 1.5 * rows[:, 0]
    levels = (numeric(DEPTHS), *(replace(plain(), path=name, title=name) for name in "bcd"))
    result = infer(table(rows, response, levels), InferenceSettings(interactions="none"))
    assert result.kind is KindOfTest.WILD_FLIPS
    (first, *_) = result.verdicts
    assert first.verdict == "cause"
    assert first.exploratory == "the error rate of ordered factors was not measured in tables that nobody planned"


def test_the_linear_trend_of_an_ordered_factor_is_adjusted_with_the_whole_family():
    rows = crossed((5, 2), 6)
    response = noise(rows, np.random.default_rng(5)) + 0.15 * rows[:, 0]
    levels = (ordered(("1", "2", "3", "4", "5")), plain())
    verdict, _ = infer(table(rows, response, levels), InferenceSettings()).verdicts
    trend = next(effect for effect in verdict.effects if effect.trend == "linear")
    assert trend.p is not None
    assert trend.p_adjusted is not None
    assert 1 / 32 <= trend.p <= trend.p_adjusted
    assert trend.p * 32 == pytest.approx(round(trend.p * 32))  # six seeds have 32 flips
    assert verdict.p_adjusted is not None
    assert verdict.p_adjusted <= trend.p_adjusted


def test_an_even_rise_is_found_by_the_trend_where_all_levels_together_find_nothing():
    found = {"trend": 0, "levels": 0}
    for draw in range(25):
        rows = crossed((5,), 8)
        response = noise(rows, np.random.default_rng(draw)) + 0.3 * rows[:, 0]
        levels = ("1", "2", "3", "4", "5")
        for name, factor in (("trend", ordered(levels)), ("levels", replace(ordered(levels), ordered=False))):
            (verdict,) = infer(table(rows, response, (factor,)), InferenceSettings(), described=False).verdicts
            found[name] += verdict.verdict == "cause"
    assert found["trend"] > found["levels"]
