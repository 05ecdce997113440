"""From a table of runs to verdicts, whole: what must not matter, and what was planted."""

from dataclasses import asdict
from itertools import product

import numpy as np
import pandas as pd
import pytest

from ablate.inference import matched
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.infer import infer
from ablate.inference.linear_model import LinearModel
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings

FACTORS = tuple(FactorLevels(name, name.upper(), ("0", "1"), "0") for name in "abc")
SETTINGS = InferenceSettings(margin=0.8, permutations=1_999)


def runs(mean=lambda *_: 0.0, seeds=6, noise=1.0, draw=0):
    """Return a crossing of three factors of two levels, and a large effect of the seed."""
    generator = np.random.default_rng(draw)
    rows = [(*map(str, cell), seed, mean(*cell)) for cell in product((0, 1), repeat=3) for seed in range(seeds)]
    table = pd.DataFrame(rows, columns=[*"abc", "seed", "response"])
    table["response"] += noise * generator.normal(size=len(table)) + 10 * generator.normal(size=seeds)[table["seed"]]
    return table


def inferred(table, settings=SETTINGS, factors=FACTORS):
    return infer(RunTable.of(table, factors, "seed"), settings)


def verdicts_of(inference):
    return {item.factor: (item.verdict, item.partners) for item in inference.verdicts}


def p_values(inference):
    tests = [*inference.verdicts, *inference.interactions]
    return [item.test.p for item in tests], [item.p_adjusted for item in tests]


def estimates(inference):
    return np.array([effect.estimate for verdict in inference.verdicts for effect in verdict.effects])


def cause(a, *_):
    return 3.0 * a


def pair(a, b, _):
    return 3.0 * (a == b)


def test_a_planted_cause_is_the_only_cause():
    result = verdicts_of(inferred(runs(cause)))
    assert result.pop("a") == ("cause", ())
    assert {kind for kind, _ in result.values()} <= {"not a cause", "undecided"}


def test_a_planted_pair_acts_together_and_is_no_lone_cause():
    result = verdicts_of(inferred(runs(pair)))
    assert (result["a"], result["b"]) == (("acts only with", ("b",)), ("acts only with", ("a",)))


def test_precise_runs_without_any_effect_clear_every_factor():
    assert {kind for kind, _ in verdicts_of(inferred(runs(noise=0.3))).values()} == {"not a cause"}


def test_noise_alone_decides_nothing_without_a_margin():
    assert {kind for kind, _ in verdicts_of(inferred(runs(), InferenceSettings(permutations=1_999))).values()} == {
        "undecided"
    }


def test_equal_input_gives_an_equal_result():
    assert str(inferred(runs(pair)).to_json()) == str(inferred(runs(pair)).to_json())


def test_another_seed_of_the_analysis_draws_other_intervals_of_importance():
    first, second = (inferred(runs(pair), InferenceSettings(seed=seed)).importance for seed in (0, 1))
    assert first != second


def test_the_order_of_the_rows_does_not_matter():
    table = runs(pair)
    shuffled = table.sample(frac=1, random_state=1)
    assert p_values(inferred(shuffled)) == p_values(inferred(table))
    assert estimates(inferred(shuffled)) == pytest.approx(estimates(inferred(table)))


def test_the_order_of_the_factors_does_not_matter():
    table = runs(cause)
    assert verdicts_of(inferred(table, factors=FACTORS[::-1])) == verdicts_of(inferred(table))


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 7.0), (-1.0, 0.0), (1e-6, 0.0), (1e6, 0.0)])
def test_a_scale_or_a_shift_of_the_response_changes_no_p(scale, shift):
    table, settings = runs(pair), InferenceSettings(permutations=1_999)
    moved = table.assign(response=scale * table["response"] + shift)
    assert p_values(inferred(moved, settings)) == p_values(inferred(table, settings))
    assert estimates(inferred(moved, settings)) == pytest.approx(scale * estimates(inferred(table, settings)), rel=1e-6)


def test_what_a_seed_adds_to_all_its_runs_changes_nothing():
    table = runs(pair)
    moved = table.assign(response=table["response"] + 100 * (table["seed"] == 2))
    assert verdicts_of(inferred(moved)) == verdicts_of(inferred(table))
    assert estimates(inferred(moved)) == pytest.approx(estimates(inferred(table)))


def test_one_seed_decides_nothing():
    result = inferred(runs(cause, seeds=1))
    assert {kind for kind, _ in verdicts_of(result).values()} == {"undecided"}
    assert p_values(result)[0] == [None] * 6
    assert any("One seed does not show" in warning for warning in result.warnings)


def test_without_responses_everything_is_undecided():
    result = inferred(runs().assign(response=np.nan))
    assert {kind for kind, _ in verdicts_of(result).values()} == {"undecided"}
    assert len(result.failed) == 48


def test_a_factor_with_one_level_left_is_undecided_and_the_others_are_not():
    table = runs(cause)
    table.loc[table["b"] == "1", "response"] = np.nan
    result = inferred(table)
    assert verdicts_of(result)["a"] == ("cause", ())
    assert verdicts_of(result)["b"] == ("undecided", ())
    assert any('No run with B "1"' in warning for warning in result.warnings)


def test_a_combination_that_never_ran_is_told_and_the_cause_is_still_found():
    table = runs(cause)
    result = inferred(table[~((table["b"] == "1") & (table["c"] == "1") & (table["a"] == "0"))])
    assert verdicts_of(result)["a"] == ("cause", ())
    assert [dict(item.levels) for item in result.missing_cells] == [{"a": "0", "b": "1", "c": "1"}]


def test_failed_runs_are_told_with_how_they_ended():
    table = runs(cause).assign(outcome="finished")
    table.loc[3, ["response", "outcome"]] = [np.nan, "diverged"]
    assert [(item.block, item.outcome) for item in inferred(table).failed] == [("3", "diverged")]


def test_a_family_is_one_whatever_its_tests():
    # Holm over all three main effects and three pairs: the least p is multiplied by six (Holm 1979).
    result = inferred(runs(cause))
    p, adjusted = p_values(result)
    assert min(adjusted) == pytest.approx(min(1, 6 * min(p)))
    assert all(after >= before for before, after in zip(p, adjusted, strict=True))


def test_pairs_that_were_not_chosen_are_not_tested():
    result = inferred(runs(pair), InferenceSettings(interactions=[["a", "b"]]))
    assert [item.factors for item in result.interactions] == [("a", "b")]


def test_no_effect_names_a_cause_in_at_most_one_study_in_twenty():
    quick = InferenceSettings().model_copy(update={"permutations": 499})
    named = [
        any(item.verdict in {"cause", "acts only with"} for item in inferred(runs(draw=draw, seeds=3), quick).verdicts)
        for draw in range(200)
    ]
    assert np.mean(named) <= 0.05 + 3.5 * np.sqrt(0.05 * 0.95 / 200)


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

    def counted_model(_cls, table, pairs):
        computed.append((table, "linear model", tuple(pairs)))
        return model(table, pairs)

    monkeypatch.setattr(matched, "_matched_sets", counted_sets)
    monkeypatch.setattr(LinearModel, "of", classmethod(counted_model))
    return computed


@pytest.mark.parametrize("seeds", [3, 6])
@pytest.mark.parametrize("mean", [cause, pair])
def test_matched_sets_and_models_are_computed_once(built, monkeypatch, mean, seeds):
    once = str(inferred(runs(mean, seeds=seeds)).to_json())
    calls = [(id(table), *arguments) for table, *arguments in built]
    assert sorted(map(str, calls)) == sorted(map(str, set(calls)))
    monkeypatch.setattr(matched, "CACHED_RUNS", 0)
    assert str(inferred(runs(mean, seeds=seeds)).to_json()) == once
    assert len(built) > 2 * len(calls)
