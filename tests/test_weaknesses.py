"""What a reader of verdicts is warned of, and that a clean table warns of nothing."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.infer import infer
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings

FACTORS = tuple(FactorLevels(name, name.upper(), ("0", "1"), "0") for name in "abc")
SETTINGS = InferenceSettings(margin=5.0, permutations=999)


def runs(seeds=8, changing=0.0):
    generator = np.random.default_rng(0)
    table = pd.DataFrame([(*cell, s) for cell in product("01", repeat=3) for s in range(seeds)], columns=[*"abc", "s"])
    table["response"] = generator.normal(size=len(table))
    table["response"] += changing * generator.normal(size=seeds)[table["s"]] * (table["a"] == "1")
    return table


def warned(table, settings=SETTINGS):
    return infer(RunTable.of(table, FACTORS, "s"), settings).warnings


def test_a_whole_table_of_many_seeds_warns_of_nothing():
    assert warned(runs()) == ()


def test_one_seed_decides_nothing():
    assert any(told.startswith("With one seed nothing says") for told in warned(runs(seeds=1)))


def test_a_table_without_responses_is_not_told_to_have_one_seed():
    assert not any("seed" in told for told in warned(runs().assign(response=np.nan)))


def test_few_seeds_make_runs_the_unit_and_the_reader_is_told_what_that_takes():
    (told,) = warned(runs(seeds=3))
    assert told.startswith("3 seeds alone are too few to decide, so single runs are the unit")


def test_effects_that_change_with_the_seed_make_whole_seeds_the_unit():
    (told,) = warned(runs(seeds=3, changing=20.0))
    assert told.startswith("Effects change from seed to seed by more than single runs do")


def test_lost_runs_are_counted():
    table = runs()
    table.loc[[0, 1, 2], "response"] = np.nan
    assert any(told.startswith("3 of 64 runs have no response") for told in warned(table))


def test_a_level_without_any_response_is_named():
    table = runs()
    table.loc[table["c"] == "1", "response"] = np.nan
    assert "No run of C 1 has a response, so nothing is said of it." in warned(table)


def test_a_fraction_is_told_to_rest_on_a_linear_model_and_to_hide_its_pairs():
    table = runs()
    found = warned(table[(table[["a", "b", "c"]] == "1").sum(axis=1) % 2 == 0])
    assert any("come from a linear model" in told for told in found)
    assert any(told.startswith("3 of the interactions cannot be seen in these runs") for told in found)


@pytest.mark.parametrize(("bounds", "said"), [((-0.5, 0.5), True), ((-50.0, 50.0), False), (None, False)])
def test_runs_at_a_bound_of_the_response_are_told(bounds, said):
    table = runs()
    if bounds:
        table["response"] = table["response"].clip(*bounds)
    found = warned(table, InferenceSettings(margin=5.0, permutations=999, bounds=bounds))
    assert any("lie at a bound of the response" in told for told in found) is said


def test_without_a_margin_nothing_can_be_cleared():
    assert "No margin was set, so no factor can be said to be no cause." in warned(
        runs(), InferenceSettings(permutations=999)
    )
