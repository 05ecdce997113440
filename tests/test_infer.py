"""From a table of runs to verdicts, whole: what must not matter, and what was planted."""

from dataclasses import asdict
from itertools import pairwise, product

import numpy as np
import pandas as pd
import pytest

from ablate.inference import family_tests, matched
from ablate.inference.cell_noise import CellNoise
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.hypotheses import family
from ablate.inference.infer import infer
from ablate.inference.linear_model import LinearModel
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings
from tests.drawn_tables import crossed, noise, one_at_a_time, own_seeds, random_search
from tests.drawn_tables import table as drawn_table

FACTORS = tuple(FactorLevels(name, name.upper(), ("0", "1"), "0") for name in "abc")
SETTINGS = InferenceSettings(margin=0.8)


def runs(mean=lambda *_: 0.0, seeds=6, deviation=1.0, draw=0):
    """Return a crossing of three factors of two levels, and a large effect of the seed."""
    generator = np.random.default_rng(draw)
    rows = [(*map(str, cell), seed, mean(*cell)) for cell in product((0, 1), repeat=3) for seed in range(seeds)]
    table = pd.DataFrame(rows, columns=[*"abc", "seed", "response"])
    table["response"] += (
        deviation * generator.normal(size=len(table)) + 10 * generator.normal(size=seeds)[table["seed"]]
    )
    return table


def inferred(table, settings=SETTINGS, factors=FACTORS):
    return infer(RunTable.of(table, factors, "seed"), settings)


def quickly_inferred(table, settings=InferenceSettings(draws=499), factors=FACTORS):  # noqa: B008  # settings are frozen
    """Return the inference without what only describes the table, with few draws."""
    return infer(RunTable.of(table, factors, "seed"), settings, described=False)


def verdicts_of(inference):
    return {item.factor: (item.verdict, item.partners) for item in inference.verdicts}


def p_values(inference):
    tests = [*inference.verdicts, *inference.interactions]
    return [item.test.p for item in tests], [item.p_adjusted for item in tests]


def p_of(inference):
    """Return the p-values by the names of factors, in the alphabetical order of these."""
    mains = {(item.factor,): (item.test.p, item.p_adjusted) for item in inference.verdicts}
    return mains | {tuple(sorted(item.factors)): (item.test.p, item.p_adjusted) for item in inference.interactions}


def assert_equal_p(first, second):
    assert set(p_of(first)) == set(p_of(second))
    for name, p in p_of(first).items():
        assert p_of(second)[name] == pytest.approx(p, rel=1e-9), name


def estimates(inference):
    return np.array([effect.estimate for verdict in inference.verdicts for effect in verdict.effects])


def cause(a, *_):
    return 3.0 * a


def pair(a, b, _):
    return 3.0 * (a == b)


def searched(mean=cause, draw=0, shared_seeds=12):
    """Return a random search: 60 of 8 x 30 runs, or, without shared seeds, 60 runs with a seed each."""
    table = runs(mean, seeds=30, draw=draw).sample(60, random_state=draw)
    return table.assign(seed=range(60)) if shared_seeds == 0 else table


TABLES = {
    "designed": lambda mean=pair: runs(mean),
    "with_holes": lambda mean=pair: runs(mean, seeds=8).sample(frac=0.8, random_state=1),
    "searched": searched,
    "no_shared_seeds": lambda mean=cause: searched(mean, shared_seeds=0),
    "few_seeds": lambda mean=cause: runs(mean, seeds=4),
}


def test_a_planted_cause_is_the_only_cause():
    result = verdicts_of(inferred(runs(cause)))
    assert result.pop("a") == ("cause", ())
    assert {kind for kind, _ in result.values()} <= {"not a cause", "undecided"}


def test_a_planted_pair_acts_together_and_is_no_lone_cause():
    result = verdicts_of(inferred(runs(pair)))
    assert (result["a"], result["b"]) == (("acts only with", ("b",)), ("acts only with", ("a",)))


def test_precise_runs_without_any_effect_clear_every_factor():
    assert {kind for kind, _ in verdicts_of(inferred(runs(deviation=0.3))).values()} == {"not a cause"}


def test_a_real_effect_within_the_margin_is_negligible():
    result = verdicts_of(inferred(runs(lambda a, *_: 0.3 * a, deviation=0.1)))
    assert result == {"a": ("negligible", ()), "b": ("not a cause", ()), "c": ("not a cause", ())}


def test_noise_alone_decides_nothing_without_a_margin():
    assert {kind for kind, _ in verdicts_of(inferred(runs(), InferenceSettings())).values()} == {"undecided"}


@pytest.mark.parametrize("table", TABLES)
def test_equal_input_gives_an_equal_result(table):
    first, second = (inferred(TABLES[table]()) for _ in range(2))
    assert str(first.to_json()) == str(second.to_json())


def test_another_seed_of_the_analysis_draws_other_intervals_of_importance():
    first, second = (inferred(runs(pair), InferenceSettings(seed=seed)).importance for seed in (0, 1))
    assert first != second


@pytest.mark.parametrize("table", TABLES)
def test_the_order_of_the_rows_does_not_matter(table):
    rows = TABLES[table]()
    shuffled = rows.sample(frac=1, random_state=1)
    assert_equal_p(quickly_inferred(shuffled), quickly_inferred(rows))
    assert estimates(quickly_inferred(shuffled)) == pytest.approx(estimates(quickly_inferred(rows)))


@pytest.mark.parametrize("table", ["designed", "with_holes", "few_seeds"])
def test_the_names_of_the_seeds_do_not_matter(table):
    rows = TABLES[table]()
    renamed = rows.assign(seed=rows["seed"].map(dict(enumerate([97, 3, 51, 8, 22, 71, 64, 15]))))
    assert_equal_p(quickly_inferred(renamed), quickly_inferred(rows))


@pytest.mark.parametrize("table", TABLES)
def test_the_order_of_the_factors_does_not_matter(table):
    rows = TABLES[table]()
    assert_equal_p(quickly_inferred(rows, factors=FACTORS[::-1]), quickly_inferred(rows))


@pytest.mark.parametrize("table", TABLES)
def test_the_order_of_the_levels_does_not_matter(table):
    rows = TABLES[table]()
    turned = tuple(FactorLevels(name, name, ("1", "0"), "1") for name in "abc")
    assert_equal_p(quickly_inferred(rows, factors=turned), quickly_inferred(rows))


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(("scale", "shift"), [(1.0, 7.0), (-1.0, 0.0), (1e-6, 0.0), (1e6, 0.0)])
def test_a_scale_or_a_shift_of_the_response_changes_no_p(table, scale, shift):
    rows = TABLES[table]()
    moved = rows.assign(response=scale * rows["response"] + shift)
    assert_equal_p(quickly_inferred(moved), quickly_inferred(rows))
    assert estimates(quickly_inferred(moved)) == pytest.approx(scale * estimates(quickly_inferred(rows)), rel=1e-6)


@pytest.mark.parametrize("table", ["designed", "with_holes", "searched", "few_seeds"])
def test_what_a_seed_adds_to_all_its_runs_changes_nothing(table):
    rows = TABLES[table]()
    moved = rows.assign(response=rows["response"] + 100 * (rows["seed"] == 2))
    assert_equal_p(quickly_inferred(moved), quickly_inferred(rows))
    assert estimates(quickly_inferred(moved)) == pytest.approx(estimates(quickly_inferred(rows)))


def test_a_single_seed_of_few_runs_decides_nothing():
    result = inferred(runs(cause, seeds=1))
    assert {kind for kind, _ in verdicts_of(result).values()} == {"undecided"}
    assert p_values(result)[0] == [None] * 3
    assert any(warning.startswith("All runs have one seed") for warning in result.warnings)


def test_a_verdict_on_many_runs_of_a_single_seed_is_exploratory():
    levels = tuple(FactorLevels(name, name, tuple("01234"), "0") for name in "ab")
    rows = pd.DataFrame([(a, b, 0) for a in "01234" for b in "01234"], columns=["a", "b", "seed"])
    rows["response"] = 3.0 * (rows["a"] == "4") + 0.3 * np.random.default_rng(0).normal(size=25)
    first, second = inferred(rows, factors=levels).verdicts
    assert first.verdict == "cause"
    assert "the verdict holds in this seed" in first.exploratory
    assert second.verdict == "undecided"


def test_two_seeds_decide_nothing():
    result = inferred(runs(cause, seeds=2, deviation=0.1))
    assert {(item.verdict, item.reason) for item in result.verdicts} == {
        ("undecided", "There is no test of it: two seeds.")
    }


@pytest.mark.parametrize("seeds", [3, 4, 5])
def test_three_to_five_seeds_show_a_cause_in_these_seeds_and_no_interaction(seeds):
    result = inferred(runs(cause, seeds=seeds, deviation=0.3))
    assert verdicts_of(result)["a"] == ("cause in these seeds", ())
    assert {kind for kind, _ in verdicts_of(result).values()} <= {"cause in these seeds", "undecided"}
    assert result.interactions == ()
    assert {item.untested_pairs for item in result.verdicts} == {("b", "c"), ("a", "c"), ("a", "b")}


def test_six_seeds_show_a_cause():
    assert verdicts_of(inferred(runs(cause, seeds=6, deviation=0.3)))["a"] == ("cause", ())


@pytest.mark.parametrize(("seeds", "has_interval"), [(2, False), (3, False), (4, True), (6, True)])
def test_an_effect_has_an_interval_from_three_degrees_of_freedom_on(seeds, has_interval):
    effects = [effect for item in inferred(runs(cause, seeds=seeds)).verdicts for effect in item.effects]
    assert [effect.freedom for effect in effects] == pytest.approx([seeds - 1] * 3)  # a complete crossing: whole seeds
    assert {effect.low is not None for effect in effects} == {has_interval}
    assert {effect.high is not None for effect in effects} == {has_interval}


def test_without_responses_everything_is_undecided():
    result = inferred(runs().assign(response=np.nan))
    assert {kind for kind, _ in verdicts_of(result).values()} == {"undecided"}
    assert len(result.failed) == 48


def test_a_factor_with_one_level_left_is_undecided_and_the_others_are_not():
    table = runs(cause).assign(outcome="crashed")
    table.loc[table["b"] == "1", "response"] = np.nan
    result = inferred(table)
    assert verdicts_of(result)["a"] == ("cause", ())
    assert verdicts_of(result)["b"] == ("undecided", ())
    assert any('No run with B "1"' in warning for warning in result.warnings)


def test_a_combination_that_never_ran_is_listed_and_the_cause_is_still_found():
    table = runs(cause, seeds=8)
    result = inferred(table[~((table["b"] == "1") & (table["c"] == "1") & (table["a"] == "0"))])
    assert verdicts_of(result)["a"][0] == "cause"
    assert [dict(item.levels) for item in result.missing_cells] == [{"a": "0", "b": "1", "c": "1"}]


def test_failed_runs_are_listed_with_how_they_ended():
    table = runs(cause).assign(outcome="finished")
    table.loc[3, ["response", "outcome"]] = [np.nan, "diverged"]
    assert [(item.block, item.outcome) for item in inferred(table).failed] == [("3", "diverged")]


def test_adjusted_p_values_are_those_of_one_family():
    p, adjusted = p_values(inferred(runs(cause)))
    assert len(p) == 6
    assert all(after >= before for before, after in zip(p, adjusted, strict=True))
    assert any(after > before for before, after in zip(p, adjusted, strict=True))


def test_pairs_that_were_not_chosen_are_not_tested():
    result = inferred(runs(pair), InferenceSettings(interactions=[["a", "b"]]))
    assert [item.factors for item in result.interactions] == [("a", "b")]


def test_a_fraction_in_which_every_factor_is_aliased_with_a_pair_decides_nothing():
    # 2^(3-1): the response differs between the levels of C because A and B act together.
    table = runs(pair, seeds=8)
    half = table[(table[["a", "b", "c"]] == "1").sum(axis=1) % 2 == 0]
    result = inferred(half, SETTINGS.model_copy(update={"interactions": "none"}))
    assert {kind for kind, _ in verdicts_of(result).values()} == {"undecided"}
    assert sum("is aliased" in warning for warning in result.warnings) == 3


@pytest.mark.parametrize("seeds", [6, 12])
def test_three_factors_that_decide_together_are_not_cleared_and_the_lack_of_fit_shows_it(seeds):
    result = inferred(runs(lambda *cell: 4.0 * (sum(cell) % 2), seeds=seeds), InferenceSettings(margin=1.5))
    assert not any(item.verdict.claims_equivalence for item in result.verdicts)
    assert result.lack_of_fit.p < 1e-6
    assert inferred(runs(pair, seeds=seeds)).lack_of_fit.p > 0.01


def test_untested_pairs_stand_beside_a_cause():
    table = runs(cause, seeds=8)
    alone = table[(table[["a", "b", "c"]] == "1").sum(axis=1) <= 1]
    (first, *_) = inferred(alone).verdicts
    assert (first.verdict, first.untested_pairs) == ("cause", ("b", "c"))


NULLS = {
    "designed": crossed((2, 2, 2), 6),
    "few_seeds": crossed((2, 2, 2), 3),
    "searched": random_search((2, 2, 2), 60, 30, np.random.default_rng(0)),
    "no_shared_seeds": own_seeds((2, 2, 2), 60, np.random.default_rng(0)),
}


def adjusted_p(table):
    """Return the adjusted p-values of a table, without its effects and verdicts."""
    settings = InferenceSettings(draws=199)
    of_table = family(table, settings)
    tested = family_tests.tested_family(table, of_table, settings, CellNoise(table, of_table))
    return {"".join(test.hypothesis.factors): test.p_adjusted or 1.0 for test in tested}


def share_limit(rate, draws):
    """Return the share of draws that a rate exceeds by chance about once in 4,000 tests."""
    return rate + 3.5 * np.sqrt(rate * (1 - rate) / draws)


@pytest.mark.parametrize("layout", NULLS)
def test_no_effect_is_significant_in_at_most_one_table_in_twenty(layout):
    rows = NULLS[layout]
    named = [
        min(adjusted_p(drawn_table(rows, noise(rows, np.random.default_rng(draw)))).values()) <= 0.05
        for draw in range(120)
    ]
    assert np.mean(named) <= share_limit(0.05, 120)


def test_where_a_cell_is_missing_in_every_seed_an_idle_factor_is_no_cause_of_what_the_others_do_together():
    # A model without the pairs would name C in nearly every table: the missing cell aliases it with A x B.
    rows = crossed((2, 2, 2), 8)
    rows = rows[(rows[:, :3] != [0, 1, 1]).any(axis=1)]
    together = 4.0 * (rows[:, 0] == rows[:, 1])
    p = [adjusted_p(drawn_table(rows, together + noise(rows, np.random.default_rng(draw)))) for draw in range(200)]
    assert np.mean([table["ab"] <= 0.05 for table in p]) == 1
    assert np.mean([min(table["c"], table["ac"], table["bc"]) <= 0.05 for table in p]) <= share_limit(0.05, 200)


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "size"), [(crossed, 0.7), (one_at_a_time, 1.6)])
def test_one_more_seed_never_lowers_the_power(layout, size):
    power, tables = [], 400
    for seeds in range(6, 13):
        rows = layout((2, 2, 2), seeds)
        drawn = (noise(rows, np.random.default_rng(draw)) + size * rows[:, 0] for draw in range(tables))
        power.append(np.mean([adjusted_p(drawn_table(rows, response))["a"] <= 0.05 for response in drawn]))
    error = np.sqrt(0.5 / tables)  # of the difference of two shares near one half
    assert all(after >= before - 2 * error for before, after in pairwise(power))
    assert power[-1] > power[0] + 0.1


def test_an_inference_is_plain_values():
    assert asdict(inferred(runs(pair)))["verdicts"][0]["factor"] == "a"


@pytest.fixture
def built(monkeypatch):
    """Return the matched sets and linear models that are computed: the table of each, and its arguments."""
    sets, model = matched._matched_sets, LinearModel.of
    computed: list[tuple[object, ...]] = []

    def counted_sets(table, factors, levels):
        computed.append((table, tuple(factors), levels))
        return sets(table, factors, levels)

    def counted_model(_cls, table, observations, terms):
        computed.append((table, "linear model", tuple(terms)))
        return model(table, observations, terms)

    monkeypatch.setattr(matched, "_matched_sets", counted_sets)
    monkeypatch.setattr(LinearModel, "of", classmethod(counted_model))
    return computed


@pytest.mark.parametrize("seeds", [3, 6])
@pytest.mark.parametrize("mean", [cause, pair])
def test_matched_sets_and_models_of_a_table_are_computed_once(built, monkeypatch, mean, seeds):
    once = str(inferred(runs(mean, seeds=seeds)).to_json())
    sets = [(id(table), *arguments) for table, *arguments in built if arguments[0] != "linear model"]
    assert len(sets) == len(set(map(str, sets)))
    # the model of the family, and that of the lack of fit
    assert 1 <= len(built) - len(sets) <= 2
    monkeypatch.setattr(matched, "CACHED_RUNS", 0)
    assert str(inferred(runs(mean, seeds=seeds)).to_json()) == once
