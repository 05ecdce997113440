"""Inferred effects and interactions against planted ones, on tables whose answer is known by hand."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.infer import infer
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings

KERNEL = FactorLevels("model.kernel", "kernel", ("3", "1", "5"), "3")
LOSS = FactorLevels("loss", "loss", ("bce", "mse"), "bce")
A, B, C = (FactorLevels(name, name.upper(), ("0", "1"), "0") for name in "abc")
SETTINGS = InferenceSettings(permutations=999)
ALONE = [("3", "bce"), ("1", "bce"), ("5", "bce"), ("3", "mse")]


def runs(response, factors=(KERNEL, LOSS), seeds=(0, 1, 2), cells=None) -> pd.DataFrame:
    cells = cells or product(*(factor.levels for factor in factors))
    rows = [(*levels, seed, response(*levels, seed)) for levels in cells for seed in seeds]
    return pd.DataFrame(rows, columns=[*(factor.path for factor in factors), "seed", "response"])


def additive(kernel, loss, seed):
    return 0.2 + 0.1 * seed + {"3": 0, "1": 0.3, "5": -0.05}[kernel] + 0.15 * (loss == "mse")


def crossed(a, b, c, seed):
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
    inference = effects(runs(additive))["model.kernel", "1"]
    assert (inference.low, inference.high) == pytest.approx((0.3, 0.3))


def test_runs_and_seeds_are_counted():
    inference = effects(runs(additive))["loss", "mse"]
    assert (inference.n_runs, inference.n_blocks, inference.dropped) == (18, 3, 0)


def test_each_seed_has_its_own_estimate():
    inference = effects(runs(lambda _, loss, seed: 0.1 * seed * (loss == "mse")))["loss", "mse"]
    assert inference.by_block == pytest.approx((0.0, 0.1, 0.2))


def test_a_pair_without_a_response_is_dropped_and_counted():
    table = runs(additive)
    lost = (table["model.kernel"] == "1") & (table["loss"] == "mse") & (table["seed"] == 2)
    inference = effects(table.assign(response=table["response"].mask(lost)))["model.kernel", "1"]
    assert inference.dropped == 1
    assert inference.estimate == pytest.approx(0.3)


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
    noise = np.random.default_rng(0)
    inference = inferred(runs(lambda *levels: additive(*levels) + noise.normal(0, 0.01), seeds=(4,)))
    assert {verdict.verdict for verdict in inference.verdicts} == {"undecided"}


def test_the_order_of_runs_does_not_matter():
    table = runs(lambda k, loss, s: additive(k, loss, s) + 0.01 * len(k + loss) * s**2)
    assert effects(table) == effects(table.sample(frac=1, random_state=0))


def test_a_single_factor_is_paired_by_seed():
    table = runs(lambda loss, seed: seed + (loss == "mse") * 0.5, (LOSS,))
    assert effects(table, (LOSS,))["loss", "mse"].estimate == pytest.approx(0.5)


def test_a_pure_interaction_has_no_main_effects():
    inference = effects(runs(crossed, (A, B, C)), (A, B, C))
    assert {factor: effect.estimate for (factor, _), effect in inference.items()} == pytest.approx(
        {"a": 0, "b": 0, "c": 0.05}
    )


def test_the_means_of_an_interaction_are_those_of_its_combinations():
    inference = {pair.factors: pair for pair in inferred(runs(crossed, (A, B, C)), (A, B, C)).interactions}
    middle = 1 + 0.025  # of the seeds, and of C
    expected = ((middle + 0.2, middle - 0.2), (middle - 0.2, middle + 0.2))
    assert np.array(inference["a", "b"].means) == pytest.approx(np.array(expected))
    assert inference["a", "b"].partial_eta_sq == pytest.approx(1)


def test_an_additive_study_has_no_interactions():
    noise = np.random.default_rng(1)
    table = runs(lambda a, b, c, seed: int(a) + 2 * int(b) - int(c) + seed + noise.normal(0, 0.01), (A, B, C), range(8))
    inference = inferred(table, (A, B, C), SETTINGS.model_copy(update={"alpha": 0.01}))
    assert all(not pair.simple_effects for pair in inference.interactions)
