"""The caveats of an inference; a complete table of many seeds has none."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.infer import infer
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings
from tests.drawn_tables import crossed, noise, own_seeds
from tests.drawn_tables import table as drawn_table

FACTORS = tuple(FactorLevels(name, name.upper(), ("0", "1"), "0") for name in "abc")
SETTINGS = InferenceSettings(margin=5.0)


def runs(seeds=8):
    generator = np.random.default_rng(0)
    table = pd.DataFrame([(*cell, s) for cell in product("01", repeat=3) for s in range(seeds)], columns=[*"abc", "s"])
    table["response"] = generator.normal(size=len(table))
    return table


def caveats(table, settings=SETTINGS):
    return infer(RunTable.of(table, FACTORS, "s"), settings).warnings


def test_a_complete_table_of_many_seeds_has_no_caveat():
    assert caveats(runs()) == ()


def test_a_single_seed_is_a_caveat():
    assert "All runs have one seed: it does not show how much a result varies between seeds." in caveats(runs(seeds=1))


def test_a_table_without_responses_has_no_caveat_about_seeds():
    assert not any("seed" in sentence for sentence in caveats(runs().assign(response=np.nan)))


def test_two_seeds_decide_nothing_and_a_caveat_says_why():
    assert "Two seeds do not show how much an effect varies between seeds, so nothing is decided." in caveats(
        runs(seeds=2)
    )


@pytest.mark.parametrize("seeds", [3, 5])
def test_three_to_five_seeds_have_the_caveat_that_other_seeds_may_differ(seeds):
    first, second = caveats(runs(seeds=seeds))
    assert first == f"{seeds} seeds show causes in these seeds only; six seeds or more speak for other seeds."
    assert second == "3 interactions are not tested: interactions need six seeds."


def test_runs_that_share_no_seed_are_a_caveat():
    rows = own_seeds((2, 2, 2), 60, np.random.default_rng(0))
    (sentence,) = infer(drawn_table(rows, noise(rows, np.random.default_rng(1))), SETTINGS).warnings
    assert sentence.startswith("Single runs are compared, without seeds.")


def test_runs_that_alone_determine_an_effect_are_counted():
    # Level 2 of A occurs in a single run, which nothing else is compared with.
    rows = own_seeds((2, 2), 40, np.random.default_rng(0))
    rows[0, 0] = 2
    response = np.random.default_rng(1).normal(size=40)
    warnings = infer(drawn_table(rows, response), InferenceSettings(margin=5.0, interactions="none")).warnings
    assert "1 run is the only one of its kind, and takes no part in the tests." in warnings


def test_cells_that_do_not_vary_between_seeds_are_a_caveat():
    # Seeds differ, but the differences between cells are the same in all of them.
    cell, seed = np.random.default_rng(0).normal(size=8), np.random.default_rng(1).normal(size=8)
    rows = crossed((2, 2, 2), 8)
    steady = cell[rows[:, :3] @ [4, 2, 1]] + seed[rows[:, -1]]
    assert infer(drawn_table(rows, steady), SETTINGS).warnings == (
        "Cells do not vary between seeds at all. Does the training use its seed?",
    )


@pytest.mark.parametrize("seed_effects", [0.0, 1.0])
def test_equal_responses_are_a_caveat(seed_effects):
    rows = crossed((2, 2, 2), 8)
    assert infer(drawn_table(rows, 0.5 + seed_effects * rows[:, -1]), SETTINGS).warnings == (
        "All runs of a seed have the same response, so no effect can show.",
    )


def test_copies_of_a_seed_are_named():
    rows = crossed((2, 2, 2), 8)
    response = noise(rows, np.random.default_rng(0))
    response[rows[:, -1] == 5] = response[rows[:, -1] == 2]
    (sentence,) = infer(drawn_table(rows, response), SETTINGS).warnings
    assert sentence == (
        "The blocks 2, 5 have equal responses, so they count as one: copies are no replication. "
        "Does the training use its seed?"
    )


def test_lost_runs_are_counted():
    table = runs()
    table.loc[[0, 1, 2], "response"] = np.nan
    assert any(
        sentence.startswith("3 of 64 runs were lost because of their response (3 unmeasurable)")
        for sentence in caveats(table)
    )


def test_a_level_without_any_response_is_named():
    table = runs()
    table.loc[table["c"] == "1", "response"] = np.nan
    assert 'No run with C "1" has a response, so there is no verdict on it.' in caveats(table)


def test_a_fraction_has_caveats_about_its_aliased_factors_and_its_untested_pairs():
    table = runs(seeds=9)
    sentences = caveats(table[(table[["a", "b", "c"]] == "1").sum(axis=1) % 2 == 0])
    assert sentences == (
        *(
            f"{name} is aliased: no run separates it from the effects or interactions of other factors."
            for name in "ABC"
        ),
        "3 interactions are not tested: no run separates it from other effects.",
    )


@pytest.mark.parametrize(
    ("bounds", "expected"), [((-0.5, 0.5), True), ((-50.0, 50.0), False), ((-50.0, np.inf), False), (None, False)]
)
def test_runs_at_a_bound_of_the_response_are_a_caveat(bounds, expected):
    table = runs()
    if bounds:
        table["response"] = table["response"].clip(*bounds)
    sentences = caveats(table, InferenceSettings(margin=5.0, bounds=bounds))
    assert any("are at a bound of the response" in sentence for sentence in sentences) is expected


def test_without_a_margin_nothing_can_be_cleared():
    assert 'No margin was set, so no factor can get the verdict "not a cause".' in caveats(runs(), InferenceSettings())
