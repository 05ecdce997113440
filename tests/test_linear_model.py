"""Least squares of a table: against statsmodels with dummies of the seeds, and numbers of any size."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from ablate.inference.cell_noise import CellNoise
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.hypotheses import family
from ablate.inference.infer import infer
from ablate.inference.linear_model import LinearModel, Observations
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings

FACTORS = (FactorLevels("a", "a", ("0", "1", "2"), "0"), *(FactorLevels(n, n, ("0", "1"), "0") for n in "bc"))
FORMULA = "response ~ C(a) + C(b) * C(c) + C(seed)"
AT_A, AT_B, AT_C = range(3)
TERMS = ((AT_A,), (AT_B,), (AT_C,), (AT_B, AT_C))


def runs(draw=0, share=0.6, effect=0.0, seeds=3):
    generator = np.random.default_rng(draw)
    table = pd.DataFrame(
        [(*cell, s) for cell in product("012", "01", "01") for s in range(seeds)], columns=[*"abc", "seed"]
    )
    table["response"] = generator.normal(size=len(table)) + 5 * generator.normal(size=seeds)[table["seed"]]
    table["response"] += effect * (table["a"] == "2")
    return table.sample(frac=share, random_state=draw)


def table_of(frame, factors=FACTORS):
    return RunTable.of(frame, factors, "seed")


def model(frame, terms=TERMS, *, has_blocks=True):
    table = table_of(frame)
    return LinearModel.of(table, Observations.of(table, has_blocks=has_blocks), terms)


def estimate(fitted, row):
    observations = fitted.observations
    return float(fitted.directions(row[np.newaxis])[:, 0] @ observations.response) * observations.scale


@pytest.mark.parametrize("draw", range(3))
def test_a_difference_is_that_of_least_squares(draw):
    frame = runs(draw)
    fitted, expected = model(frame), ols(FORMULA, frame).fit()
    row = fitted.contrast(table_of(frame), AT_A, np.array([-1.0, 0.0, 1.0]))
    assert estimate(fitted, row) == pytest.approx(expected.params["C(a)[T.2]"])
    assert fitted.freedom == expected.df_resid
    assert fitted.deviation == pytest.approx(np.sqrt(expected.scale))


@pytest.mark.parametrize(("factor", "partner"), [(AT_C, AT_B), (AT_B, AT_C)])
def test_a_difference_at_a_level_of_a_partner_is_that_of_least_squares(factor, partner):
    frame, names = runs(), "abc"
    fitted = model(frame)
    row = fitted.contrast(table_of(frame), factor, np.array([-1.0, 1.0]), (partner, 1))
    expected = ols(FORMULA, frame).fit().t_test(f"C({names[factor]})[T.1] + C(b)[T.1]:C(c)[T.1] = 0")
    assert estimate(fitted, row) == pytest.approx(expected.effect.item())


def test_without_blocks_the_model_has_a_mean():
    frame = runs()
    fitted, expected = model(frame, has_blocks=False), ols(FORMULA.replace(" + C(seed)", ""), frame).fit()
    row = fitted.contrast(table_of(frame), AT_A, np.array([-1.0, 0.0, 1.0]))
    assert estimate(fitted, row) == pytest.approx(expected.params["C(a)[T.2]"])
    assert fitted.freedom == expected.df_resid


def test_partial_eta_squared_is_the_terms_sum_of_squares_over_it_and_the_residuals():
    frame = runs()
    whole, without = (ols(formula, frame).fit() for formula in (FORMULA, FORMULA.replace("C(a) + ", "")))
    fitted = model(frame)
    assert fitted.partial_eta_squared(fitted.axes(fitted.rows((AT_A,)))) == pytest.approx(1 - whole.ssr / without.ssr)


def test_the_residuals_without_a_term_are_those_of_the_smaller_model():
    frame = runs().sort_values(["seed", "a", "b", "c"])
    fitted, without = model(frame), ols(FORMULA.replace("C(a) + ", ""), frame).fit()
    reduced = fitted.reduced_residual(fitted.axes(fitted.rows((AT_A,)))) * fitted.observations.scale
    assert reduced == pytest.approx(without.resid.to_numpy())


def test_terms_that_are_combinations_of_others_are_not_estimable():
    frame = runs(share=1.0)
    aliased = model(frame[frame["b"] == frame["c"]], terms=((AT_A,), (AT_B,), (AT_C,)))
    assert [aliased.estimable(aliased.rows((at,))) for at in (AT_A, AT_B, AT_C)] == [True, False, False]


def test_a_table_no_larger_than_its_model_has_no_deviation():
    frame = runs(share=1.0)
    saturated = model(frame[(frame["seed"] == 0) & (frame["a"] == "0")], terms=((AT_B,), (AT_C,), (AT_B, AT_C)))
    assert (saturated.freedom, saturated.deviation) == (0, None)


@pytest.mark.parametrize(("shift", "scale"), [(1e15, 1.0), (0.0, 1e300), (0.0, 1e-300), (0.0, 1e305)])
def test_observations_keep_the_differences_of_numbers_of_any_size(shift, scale):
    frame = runs(share=1.0)
    frame["response"] = np.round(64 * frame["response"]) / 8  # eighths are exact beside 1e15
    plain = Observations.of(table_of(frame), has_blocks=True)
    moved = Observations.of(table_of(frame.assign(response=shift + scale * frame["response"])), has_blocks=True)
    assert moved.response == pytest.approx(plain.response, abs=1e-8)
    assert moved.scale == pytest.approx(scale * plain.scale, rel=1e-8)


def test_equal_responses_leave_nothing_that_only_rounding_makes():
    frame = runs(share=1.0).assign(response=0.1 + 1e6)
    assert not Observations.of(table_of(frame), has_blocks=True).response.any()
    assert not Observations.of(table_of(frame), has_blocks=False).response.any()


@pytest.mark.parametrize("share", [1.0, 0.8])
def test_the_noise_is_what_cells_and_seeds_leave(share):
    frame = runs(share=share, seeds=4)
    table = table_of(frame)
    tested = family(table, InferenceSettings())
    noise, expected = CellNoise(table, tested), ols("response ~ C(a) * C(b) * C(c) + C(seed)", frame).fit()
    assert noise.total.squares * tested.observations.scale**2 == pytest.approx(expected.ssr)
    assert noise.total.freedom == expected.df_resid


@pytest.mark.parametrize("share", [1.0, 0.8])
def test_the_part_that_seeds_explain_is_the_sum_of_squares_of_the_interaction_with_the_seed(share):
    frame = runs(share=share, seeds=4)
    table = table_of(frame)
    tested = family(table, InferenceSettings())
    by_seed = CellNoise(table, tested).explained([(AT_B,)])
    small, large = (
        ols(f"response ~ C(a) * C(b) * C(c) + C(seed){more}", frame).fit() for more in ("", " + C(b):C(seed)")
    )
    assert by_seed.squares * tested.observations.scale**2 == pytest.approx(small.ssr - large.ssr)
    assert by_seed.freedom == small.df_resid - large.df_resid


@pytest.mark.parametrize("draw", range(3))
def test_lack_of_fit_is_the_f_test_of_the_cells_beyond_all_pairs(draw):
    frame = runs(draw, share=0.8, seeds=7)
    fit = infer(table_of(frame), InferenceSettings()).lack_of_fit
    pairs = ols("response ~ (C(a) + C(b) + C(c)) ** 2 + C(seed)", frame).fit()
    cells = ols("response ~ C(a) * C(b) * C(c) + C(seed)", frame).fit()
    expected = anova_lm(pairs, cells)
    assert fit is not None
    assert fit.p == pytest.approx(expected["Pr(>F)"][1])
    assert (fit.numerator_df, fit.denominator_df) == (expected["df_diff"][1], expected["df_resid"][1])


def test_two_factors_have_nothing_beyond_their_pair():
    frame = runs(share=1.0, seeds=7)
    (a, b, _) = FACTORS
    assert infer(table_of(frame[frame["c"] == "0"], (a, b)), InferenceSettings()).lack_of_fit is None
