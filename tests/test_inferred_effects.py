"""Inferred effects and interactions against planted ones, on tables whose answer is known by hand."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.infer import infer
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings
from tests.drawn_tables import noise, own_seeds
from tests.drawn_tables import table as drawn_table

KERNEL = FactorLevels("model.kernel", "kernel", ("3", "1", "5"), "3")
LOSS = FactorLevels("loss", "loss", ("bce", "mse"), "bce")
FIRST, SECOND, THIRD = (FactorLevels(name, name.upper(), ("0", "1"), "0") for name in "abc")
SETTINGS = InferenceSettings()
ALONE = [("3", "bce"), ("1", "bce"), ("5", "bce"), ("3", "mse")]


def runs(response, factors=(KERNEL, LOSS), seeds=(0, 1, 2), cells=None) -> pd.DataFrame:
    cells = cells or product(*(factor.levels for factor in factors))
    rows = [(*levels, seed, response(*levels, seed)) for levels in cells for seed in seeds]
    return pd.DataFrame(rows, columns=[*(factor.path for factor in factors), "seed", "response"])


def additive(kernel, loss, seed):
    return 0.2 + 0.1 * seed + {"3": 0, "1": 0.3, "5": -0.05}[kernel] + 0.15 * (loss == "mse")


def crossed_effect(a, b, c, seed):
    """A and B act only together: the response is raised where they are equal."""
    return 0.2 * (1 if a == b else -1) + 0.05 * (c == "1") + seed


def inferred(table, factors=(KERNEL, LOSS), settings=SETTINGS):
    return infer(RunTable.of(table, factors, "seed"), settings)


def effects(table, factors=(KERNEL, LOSS)):
    inference = inferred(table, factors)
    return {(effect.factor, effect.level): effect for verdict in inference.verdicts for effect in verdict.effects}


def test_planted_effects_are_recovered_exactly():
    inference = effects(runs(additive))
    assert inference["model.kernel", "1"].estimate == pytest.approx(0.3)
    assert inference["model.kernel", "5"].estimate == pytest.approx(-0.05)
    assert inference["loss", "mse"].estimate == pytest.approx(0.15)


def test_what_a_seed_adds_to_all_its_runs_cancels():
    effect = effects(runs(additive, seeds=range(4)))["model.kernel", "1"]
    assert (effect.low, effect.high) == pytest.approx((0.3, 0.3))


def test_effects_without_noise_have_no_standardized_size():
    assert effects(runs(additive))["loss", "mse"].standardized is None


def test_runs_and_seeds_are_counted():
    effect = effects(runs(additive))["loss", "mse"]
    assert (effect.n_runs, effect.n_blocks) == (18, 3)


def test_only_runs_at_the_levels_of_a_contrast_are_counted():
    # Of three kernels, two are compared: two thirds of the runs.
    assert effects(runs(additive))["model.kernel", "1"].n_runs == 12


def test_each_seed_has_its_estimate():
    effect = effects(runs(lambda _, loss, seed: 0.1 * seed * (loss == "mse")))["loss", "mse"]
    assert effect.by_block == pytest.approx((0.0, 0.1, 0.2))


def test_with_equal_cells_the_estimate_of_a_seed_is_that_of_least_squares_on_its_runs_alone():
    generator = np.random.default_rng(0)
    table = runs(lambda *_: generator.normal(), (FIRST, SECOND, THIRD), seeds=range(4))
    formula = "response ~ C(a, Sum) * C(b, Sum) + C(a, Sum) * C(c, Sum) + C(b, Sum) * C(c, Sum)"
    fits = [ols(formula, table[table["seed"] == seed]).fit() for seed in range(4)]
    expected = [-2 * fit.params["C(a, Sum)[S.0]"] for fit in fits]
    assert effects(table, (FIRST, SECOND, THIRD))["a", "1"].by_block == pytest.approx(expected)


def test_a_seed_without_a_response_has_no_estimate():
    table = runs(additive)
    effect = effects(table.assign(response=table["response"].mask(table["seed"] == 1)))["loss", "mse"]
    assert np.isnan(effect.by_block[1])
    assert effect.by_block[0] == pytest.approx(0.15)


def test_runs_that_share_no_seed_have_no_estimates_by_seed():
    rows = own_seeds((2, 2), 40, np.random.default_rng(0))
    verdict = infer(drawn_table(rows, noise(rows, np.random.default_rng(1))), SETTINGS).verdicts[0]
    assert verdict.effects[0].by_block == ()


def test_a_lost_run_changes_no_estimate_where_there_is_no_noise():
    table = runs(additive)
    lost = (table["model.kernel"] == "1") & (table["loss"] == "mse") & (table["seed"] == 2)
    effect = effects(table.assign(response=table["response"].mask(lost)))["model.kernel", "1"]
    assert (effect.estimate, effect.n_runs) == (pytest.approx(0.3), 11)


def test_a_level_without_any_response_has_no_effect():
    table = runs(additive)
    inference = effects(table.assign(response=table["response"].mask(table["model.kernel"] == "5")))
    assert ("model.kernel", "5") not in inference
    assert inference["model.kernel", "1"].estimate == pytest.approx(0.3)


def test_one_at_a_time_compares_at_the_baseline_alone_and_shows_no_interaction():
    table = runs(additive, cells=ALONE)
    inference = effects(table)
    assert inference["loss", "mse"].n_runs == 6
    assert inference["loss", "mse"].estimate == pytest.approx(0.15)
    assert inference["model.kernel", "1"].estimate == pytest.approx(0.3)
    assert all(pair.test.p is None for pair in inferred(table).interactions)


def test_one_seed_gives_no_verdict():
    generator = np.random.default_rng(0)
    inference = inferred(runs(lambda *levels: additive(*levels) + generator.normal(0, 0.01), seeds=(4,)))
    assert {verdict.verdict for verdict in inference.verdicts} == {"undecided"}


def test_a_single_factor_is_paired_by_seed():
    table = runs(lambda loss, seed: seed + (loss == "mse") * 0.5, (LOSS,))
    assert effects(table, (LOSS,))["loss", "mse"].estimate == pytest.approx(0.5)


def test_a_pure_interaction_has_no_main_effects():
    inference = effects(runs(crossed_effect, (FIRST, SECOND, THIRD)), (FIRST, SECOND, THIRD))
    assert {factor: effect.estimate for (factor, _), effect in inference.items()} == pytest.approx(
        {"a": 0, "b": 0, "c": 0.05}
    )


def test_the_means_of_an_interaction_are_those_of_its_combinations():
    table = runs(crossed_effect, (FIRST, SECOND, THIRD), seeds=range(6))
    inference = {pair.factors: pair for pair in inferred(table, (FIRST, SECOND, THIRD)).interactions}
    middle = 2.5 + 0.025  # of the seeds, and of C
    expected = ((middle + 0.2, middle - 0.2), (middle - 0.2, middle + 0.2))
    assert np.array(inference["a", "b"].means) == pytest.approx(np.array(expected))
    assert inference["a", "b"].partial_eta_sq == pytest.approx(1)


def test_an_additive_study_has_no_interactions():
    generator = np.random.default_rng(1)
    table = runs(
        lambda a, b, c, seed: int(a) + 2 * int(b) - int(c) + seed + generator.normal(0, 0.01),
        (FIRST, SECOND, THIRD),
        range(8),
    )
    inference = inferred(table, (FIRST, SECOND, THIRD), SETTINGS.model_copy(update={"alpha": 0.01}))
    assert all(not pair.simple_effects for pair in inference.interactions)


@pytest.mark.parametrize("baseline", ["p", "q", "r"])
def test_no_choice_of_the_baseline_makes_levels_equivalent_that_differ_by_more_than_the_margin(baseline):
    rng = np.random.default_rng(0)
    means = {"p": 0.0, "q": 0.5, "r": -0.5}
    rows = [
        {"a": a, "c": c, "seed": seed, "response": means[c] + 0.1 * rng.normal()}
        for seed in range(12)
        for a in ("0", "1")
        for c in means
    ]
    factors = (FactorLevels("a", "a", ("0", "1"), "0"), FactorLevels("c", "c", ("p", "q", "r"), baseline))
    result = infer(RunTable.of(pd.DataFrame(rows), factors, "seed"), InferenceSettings(margin=0.8))
    assert [v.verdict for v in result.verdicts if v.factor == "c"] == ["cause"]
