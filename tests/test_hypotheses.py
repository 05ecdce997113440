"""The family of hypotheses on a table of runs, from its design alone, and Holm's adjustment over it."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from ablate.inference.family_tests import holm
from ablate.inference.hypotheses import ALIASED, NO_RESPONSE, NOT_ASKED, ONE_LEVEL, TOO_FEW_RUNS, TOO_FEW_SEEDS, family
from ablate.inference.settings import InferenceSettings
from tests.drawn_tables import crossed, factors, half_fraction, one_at_a_time, own_seeds, random_search, table

ALL, NO_PAIRS = InferenceSettings(interactions="all"), InferenceSettings(interactions="none")
PLANNED = (3, 2, 2)


def family_of(rows, settings=ALL, lost=(), levels=()):
    response = np.zeros(len(rows))
    response[list(lost)] = np.nan
    return family(table(rows, response, levels).with_responses(), settings)


def hypotheses_of(rows, settings=ALL, lost=(), levels=()):
    """Return why each hypothesis is not tested, empty if it is, by the names of its factors; a trend has a "~"."""
    hypotheses = family_of(rows, settings, lost, levels).hypotheses
    return {"".join(h.factors) + "~" * h.is_trend: h.untested for h in hypotheses}


def names_tested(rows, settings=ALL, lost=(), levels=()):
    return {name for name, reason in hypotheses_of(rows, settings, lost, levels).items() if not reason}


def test_every_factor_and_every_pair_is_tested_in_a_crossing():
    assert hypotheses_of(crossed(PLANNED, 6)) == dict.fromkeys(["a", "b", "c", "ab", "ac", "bc"], "")


def test_only_chosen_pairs_are_tested_in_their_order():
    chosen = InferenceSettings(interactions=[["c", "a"], ["a", "b"]])
    assert list(hypotheses_of(crossed(PLANNED, 6), chosen)) == ["a", "b", "c", "ac", "ab"]
    assert list(hypotheses_of(crossed(PLANNED, 6), NO_PAIRS)) == ["a", "b", "c"]


def test_a_hypothesis_has_a_direction_for_each_of_its_degrees_of_freedom():
    widths = {"".join(d.hypothesis.factors): d.width for d in family_of(crossed((3, 4, 2), 6)).directions}
    assert widths == {"a": 2, "b": 3, "c": 1, "ab": 6, "ac": 2, "bc": 3}


def test_an_ordered_factor_of_three_levels_has_a_hypothesis_on_its_linear_trend():
    hypotheses = hypotheses_of(crossed(PLANNED, 6), NO_PAIRS, levels=factors(PLANNED, ordered="ab"))
    assert list(hypotheses) == ["a", "b", "c", "a~"]  # two levels have one contrast, which is the factor itself


def test_a_numeric_factor_has_one_degree_of_freedom_and_no_second_trend():
    directions = family_of(crossed((4, 2), 6), NO_PAIRS, levels=factors((4, 2), numeric="a")).directions
    assert [("".join(d.hypothesis.factors), d.width) for d in directions] == [("a", 1), ("b", 1)]


@pytest.mark.parametrize("seeds", [3, 5])
def test_no_interaction_is_tested_below_six_seeds(seeds):
    hypotheses = hypotheses_of(crossed(PLANNED, seeds))
    assert {name for name, reason in hypotheses.items() if reason == TOO_FEW_SEEDS} == {"ab", "ac", "bc"}
    assert {name for name, reason in hypotheses.items() if not reason} == {"a", "b", "c"}


def test_one_at_a_time_tests_every_factor_and_no_pair():
    hypotheses = hypotheses_of(one_at_a_time(PLANNED, 6))
    assert hypotheses == dict.fromkeys("abc", "") | dict.fromkeys(("ab", "ac", "bc"), ALIASED)


@pytest.mark.parametrize("settings", [ALL, NO_PAIRS, InferenceSettings(interactions=[["a", "b"]])])
def test_main_effects_that_are_aliased_with_a_pair_are_refused_whatever_the_family(settings):
    # 2^(3-1) with C = AB: each factor is the product of the others (Box, Hunter & Hunter, chapter 6).
    hypotheses = hypotheses_of(half_fraction((2, 2, 2), 8), settings)
    assert set(hypotheses.values()) == {ALIASED}


def test_a_fraction_of_resolution_four_tests_its_factors_and_none_of_its_aliased_pairs():
    # 2^(4-1) with D = ABC: AB = CD, AC = BD, AD = BC.
    hypotheses = hypotheses_of(half_fraction((2, 2, 2, 2), 6))
    assert {name for name, reason in hypotheses.items() if not reason} == set("abcd")
    assert {reason for name, reason in hypotheses.items() if len(name) == 2} == {ALIASED}


def test_a_fraction_of_resolution_five_tests_factors_and_pairs():
    assert len(names_tested(half_fraction((2,) * 5, 6))) == 5 + 10  # 2^(5-1) with E = ABCD


def test_a_cell_that_is_missing_in_every_seed_leaves_every_hypothesis_of_a_crossing_tested():
    rows = crossed((2, 2, 2), 8)
    lost = np.flatnonzero((rows[:, :3] == 1).all(axis=1))
    assert names_tested(rows, lost=lost) == {"a", "b", "c", "ab", "ac", "bc"}


def test_of_the_model_of_a_hypothesis_only_larger_terms_that_contain_it_are_left_out():
    # One at a time plus the crossing of b and c: the pair bc can be estimated, and stays in the model of a.
    rows = crossed((2, 2, 2), 6)
    rows = rows[(rows[:, 0] == 0) | (rows[:, 1:3] == 0).all(axis=1)]
    places = {"".join(d.hypothesis.factors): set(d.model.places) for d in family_of(rows).directions}
    assert (1, 2) in places["a"]
    assert not {(0, 1), (0, 2)} & places["a"]


def test_responses_matter_only_by_being_there():
    rows = crossed(PLANNED, 6)
    noise = table(rows, np.random.default_rng(0).normal(size=len(rows)))
    assert family(noise, ALL).hypotheses == family_of(rows).hypotheses


def test_a_factor_with_one_level_left_is_not_tested_and_in_no_pair():
    rows = crossed(PLANNED, 6)
    hypotheses = hypotheses_of(rows, lost=np.flatnonzero(rows[:, 2] == 1))
    assert hypotheses == {"a": "", "b": "", "c": ONE_LEVEL, "ab": ""}


def test_without_any_response_nothing_is_tested():
    rows = crossed((2, 2), 6)
    assert set(hypotheses_of(rows, lost=range(len(rows))).values()) == {NO_RESPONSE}


def test_factors_that_always_change_together_are_not_tested():
    rows = crossed((2, 2, 2), 6)
    hypotheses = hypotheses_of(rows[rows[:, 1] == rows[:, 2]], NO_PAIRS)
    assert hypotheses == {"a": "", "b": ALIASED, "c": ALIASED}


def search(runs, seeds, shape=(2,) * 6):
    """Return a random search in which every seed occurs."""
    drawn = (random_search(shape, runs, seeds, np.random.default_rng(draw)) for draw in range(100))
    return next(rows for rows in drawn if len(set(rows[:, -1])) == seeds)


def test_an_unplanned_table_tests_pairs_from_one_and_a_half_runs_per_parameter_on():
    # Mean and six factors, or with 15 pairs: 20 seeds + 21 terms = 41 parameters, 62 runs.
    assert len(names_tested(search(62, 20))) == 21
    hypotheses = hypotheses_of(search(61, 20))
    assert {name for name, reason in hypotheses.items() if not reason} == set("abcdef")
    assert {reason for name, reason in hypotheses.items() if len(name) == 2} == {NOT_ASKED}


def test_an_unplanned_table_tests_pairs_from_twenty_degrees_of_freedom_on():
    # Three factors, three pairs and 13 seeds are 19 parameters, 1.5 times that 29 runs; 39 runs leave 20 degrees.
    assert "ab" in names_tested(search(39, 13, (2, 2, 2)))
    assert names_tested(search(38, 13, (2, 2, 2))) == {"a", "b", "c"}


def test_an_unplanned_table_tests_factors_from_ten_degrees_of_freedom_on():
    # Six factors and 20 seeds are 26 parameters.
    assert names_tested(search(36, 20)) == set("abcdef")
    assert set(hypotheses_of(search(35, 20)).values()) == {TOO_FEW_RUNS}


def test_pairs_outside_the_family_are_not_in_the_model_of_an_unplanned_table():
    (direction, *_) = family_of(search(60, 20), NO_PAIRS).directions
    assert all(len(term) == 1 for term in direction.model.places)


def test_runs_without_shared_seeds_have_a_mean_in_their_model():
    (direction, *_) = family_of(own_seeds((2, 2), 40, np.random.default_rng(0))).directions
    assert () in direction.model.places
    assert direction.model.freedom == 40 - 1 - 3


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
