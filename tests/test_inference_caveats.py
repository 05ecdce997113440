"""The caveats of an inference; a complete table of many seeds has none."""

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


def caveats(table, settings=SETTINGS):
    return infer(RunTable.of(table, FACTORS, "s"), settings).warnings


def test_a_complete_table_of_many_seeds_has_no_caveat():
    assert caveats(runs()) == ()


def test_one_seed_decides_nothing():
    assert any(sentence.startswith("One seed does not show") for sentence in caveats(runs(seeds=1)))


def test_a_table_without_responses_has_no_caveat_about_seeds():
    assert not any("seed" in sentence for sentence in caveats(runs().assign(response=np.nan)))


def test_few_seeds_make_runs_the_unit_and_a_caveat_names_the_assumption():
    (sentence,) = caveats(runs(seeds=3))
    assert sentence.startswith("3 seeds are too few to permute whole seeds, so the tests permute single runs.")


def test_effects_that_change_with_the_seed_make_whole_seeds_the_unit():
    (sentence,) = caveats(runs(seeds=3, changing=20.0))
    assert sentence.startswith("Effects change from seed to seed by more than single runs vary")


def test_lost_runs_are_counted():
    table = runs()
    table.loc[[0, 1, 2], "response"] = np.nan
    assert any(sentence.startswith("3 of 64 runs have no response") for sentence in caveats(table))


def test_a_level_without_any_response_is_named():
    table = runs()
    table.loc[table["c"] == "1", "response"] = np.nan
    assert 'No run with C "1" has a response, so there is no verdict on it.' in caveats(table)


def test_a_fraction_has_caveats_about_its_linear_model_and_its_untested_pairs():
    table = runs()
    sentences = caveats(table[(table[["a", "b", "c"]] == "1").sum(axis=1) % 2 == 0])
    assert any("come from a linear model" in sentence for sentence in sentences)
    assert any(
        sentence.startswith("3 of the interactions cannot be estimated from these runs") for sentence in sentences
    )


@pytest.mark.parametrize(
    ("bounds", "expected"), [((-0.5, 0.5), True), ((-50.0, 50.0), False), ((-50.0, np.inf), False), (None, False)]
)
def test_runs_at_a_bound_of_the_response_are_a_caveat(bounds, expected):
    table = runs()
    if bounds:
        table["response"] = table["response"].clip(*bounds)
    sentences = caveats(table, InferenceSettings(margin=5.0, permutations=999, bounds=bounds))
    assert any("are at a bound of the response" in sentence for sentence in sentences) is expected


def test_without_a_margin_nothing_can_be_cleared():
    assert 'No margin was set, so no factor can get the verdict "not a cause".' in caveats(
        runs(), InferenceSettings(permutations=999)
    )
