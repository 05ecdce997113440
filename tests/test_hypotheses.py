"""The family of hypotheses on a table of runs, from its design alone, and Holm's adjustment over it."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.hypotheses import family, holm, hypotheses
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings

FACTORS = (FactorLevels("a", "a", ("0", "1", "2"), "0"), *(FactorLevels(n, n, ("0", "1"), "0") for n in "bc"))
DRAWN = 1 / 10_000  # the least p of 9,999 relabelings


def crossing(seeds, chosen=lambda *_: True):
    rows = [(*cell, s) for cell in product("012", "01", "01") if chosen(*map(int, cell)) for s in range(seeds)]
    return pd.DataFrame(rows, columns=[*"abc", "seed"]).assign(response=0.0)


def half_of_a_crossing(seeds):
    return crossing(seeds, chosen=lambda a, b, c: (a + b + c) % 2 == 0)


def hypotheses_of(table, settings=InferenceSettings(permutations=9_999)):  # noqa: B008  # settings are frozen
    result = hypotheses(RunTable.of(table, FACTORS, "seed").with_responses(), settings)
    return {"".join(hypothesis.factors): hypothesis for hypothesis in result}


def test_every_factor_and_every_pair_is_tested_in_a_crossing():
    assert list(hypotheses_of(crossing(3))) == ["a", "b", "c", "ab", "ac", "bc"]
    assert {hypothesis.how for hypothesis in hypotheses_of(crossing(3)).values()} == {"matched"}


def test_only_chosen_pairs_are_tested_in_their_order():
    assert list(hypotheses_of(crossing(3), InferenceSettings(interactions=[["c", "a"]]))) == ["a", "b", "c", "ca"]
    assert list(hypotheses_of(crossing(3), InferenceSettings(interactions="none"))) == ["a", "b", "c"]


def test_sets_are_the_combinations_of_the_other_factors_times_the_seeds():
    assert {name: hypothesis.sets for name, hypothesis in hypotheses_of(crossing(3)).items()} == {
        "a": 12, "b": 18, "c": 18, "ab": 6, "ac": 6, "bc": 9,
    }  # fmt: skip


@pytest.mark.parametrize(("seeds", "unit"), [(7, "run"), (8, "block")])
def test_seeds_are_the_unit_from_where_flipping_them_reaches_alpha_over_the_family(seeds, unit):
    # Six hypotheses: 2^-6 = 0.0156 > 0.05 / 6 = 0.0083 > 2^-7 = 0.0078.
    assert {hypothesis.unit for hypothesis in hypotheses_of(crossing(seeds)).values()} == {unit}


def test_a_larger_family_asks_for_more_seeds():
    mains_only = InferenceSettings(interactions="none")
    assert {hypothesis.unit for hypothesis in hypotheses_of(crossing(7), mains_only).values()} == {"block"}


def test_the_least_p_of_seeds_is_that_of_their_sign_flips():
    assert hypotheses_of(crossing(8))["b"].smallest == 2.0**-7


def test_the_least_p_of_a_factor_with_three_levels_counts_all_orders():
    # Three orders of six leave nothing as it is in each further set: 6^(1 - n) with n seeds and one set a seed.
    mains_only = crossing(4, chosen=lambda _, b, c: b == c == 0)
    assert hypotheses_of(mains_only)["a"].smallest == pytest.approx(6.0**-3)


def test_where_relabelings_are_too_many_the_least_p_is_that_of_the_drawn():
    assert hypotheses_of(crossing(3))["b"].smallest == pytest.approx(DRAWN)


def test_one_seed_can_reject_nothing():
    assert {hypothesis.smallest for hypothesis in hypotheses_of(crossing(1)).values()} == {1.0}


def test_a_set_a_seed_makes_seeds_the_unit_however_few():
    one_at_a_time = crossing(3, chosen=lambda a, b, c: (a > 0) + b + c <= 1)
    assert {hypotheses_of(one_at_a_time)[name].unit for name in "abc"} == {"block"}


def test_pairs_that_never_vary_together_are_not_shown():
    one_at_a_time = hypotheses_of(crossing(3, chosen=lambda a, b, c: (a > 0) + b + c <= 1))
    assert {name: hypothesis.how for name, hypothesis in one_at_a_time.items()} == dict.fromkeys(
        "abc", "matched"
    ) | dict.fromkeys(("ab", "ac", "bc"), "none")


def test_a_fraction_is_told_by_a_linear_model():
    half = hypotheses_of(
        crossing(3, chosen=lambda a, b, c: (a + b + c) % 2 == 0), InferenceSettings(interactions="none")
    )
    assert {hypothesis.how for hypothesis in half.values()} == {"linear"}
    assert {hypothesis.smallest for hypothesis in half.values()} == {DRAWN}


def test_many_seeds_of_a_fraction_are_its_unit():
    half = hypotheses_of(
        crossing(8, chosen=lambda a, b, c: (a + b + c) % 2 == 0), InferenceSettings(interactions="none")
    )
    assert {(hypothesis.unit, hypothesis.smallest) for hypothesis in half.values()} == {("block", 2.0**-7)}


def test_responses_matter_only_by_being_there():
    table = crossing(3)
    noise = table.assign(response=np.random.default_rng(0).normal(size=len(table)))
    assert hypotheses_of(noise) == hypotheses_of(table)


def test_a_factor_with_one_level_left_is_not_tested_and_in_no_pair():
    table = crossing(3)
    table.loc[table["c"] == "1", "response"] = np.nan
    result = hypotheses_of(table)
    assert list(result) == ["a", "b", "c", "ab"]
    assert result["c"].how == "none"


def test_a_run_that_failed_costs_its_set_alone():
    table = crossing(3)
    table.loc[(table["a"] == "0") & (table["b"] == "0") & (table["c"] == "0") & (table["seed"] == 0), "response"] = (
        np.nan
    )
    assert hypotheses_of(table)["b"].sets == 17


def test_only_pairs_that_can_be_told_apart_are_in_the_model():
    half = RunTable.of(crossing(3, chosen=lambda _, b, c: b == c), FACTORS, "seed")
    chosen = family(half, InferenceSettings()).model.places
    assert (1, 2) not in chosen


@pytest.mark.parametrize("seed", range(3))
def test_holms_adjustment_is_that_of_statsmodels(seed):
    # Rounded, so that many are equal.
    p_values = np.random.default_rng(seed).beta(0.5, 3, size=40).round(2).tolist()
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1].tolist())


def test_holm_ignores_untested_hypotheses_and_leaves_them_untested():
    assert holm([None, 0.01, None, 0.04]) == [None, 0.02, None, 0.04]


def test_holm_leaves_a_single_p_unchanged():
    assert holm([0.03]) == [0.03]


def test_nothing_tested_leaves_nothing_adjusted():
    assert holm([]) == []
    assert holm([None]) == [None]


def test_a_larger_p_is_never_adjusted_below_a_smaller_one():
    # 3 x 0.01 = 0.03, 2 x 0.012 = 0.024 but at least 0.03, 1 x 0.02 likewise.
    assert holm([0.02, 0.01, 0.012]) == pytest.approx([0.03, 0.03, 0.03])
