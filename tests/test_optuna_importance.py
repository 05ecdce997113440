"""Optuna's importances of a table of runs: against Optuna itself, and against what no effect gives."""

from importlib.util import find_spec
from itertools import product

import numpy as np
import optuna
import pytest

import ablate.execution.optuna_importance
from ablate.core.errors import AblateError
from ablate.execution.optuna_importance import optuna_importances
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.importance import importance
from ablate.inference.run_table import RunTable
from ablate.inference.settings import Settings


def study(counts, blocks, mean, seed=0):
    generator = np.random.default_rng(seed)
    cells = np.array(list(product(*map(range, counts))))
    levels, block = np.repeat(cells, blocks, axis=0), np.tile(np.arange(blocks), len(cells))
    response = mean(levels) + generator.normal(size=blocks)[block] + generator.normal(size=len(block))
    factors = tuple(FactorLevels(f"f{i}", f"f{i}", tuple(map(str, range(n))), "0") for i, n in enumerate(counts))
    return RunTable(factors, tuple(map(str, range(blocks))), levels, block, response)


def nothing(levels):
    return np.zeros(len(levels))


def test_importances_are_those_of_optuna_on_the_runs_less_their_blocks_means():
    table = study((3, 2, 2), 3, lambda levels: 1.0 * levels[:, 0])
    theirs = optuna.create_study(direction="minimize")
    for levels, block, response in zip(table.levels, table.block, table.response, strict=True):
        theirs.add_trial(
            optuna.create_trial(
                params={f"f{i}": int(level) for i, level in enumerate(levels)},
                distributions={
                    f"f{i}": optuna.distributions.CategoricalDistribution(tuple(range(n)))
                    for i, n in enumerate((3, 2, 2))
                },
                value=response - table.response[table.block == block].mean(),
            )
        )
    expected = optuna.importance.get_param_importances(theirs)
    ours = {own.factor: own.value for own in optuna_importances(table, Settings(), "ped_anova")}
    assert ours == pytest.approx(expected)


def test_ped_anova_asks_what_makes_the_better_end():
    # The high end is made by f0 alone, the low end by f1 where f0 leaves it.
    table = study((3, 2), 10, lambda levels: 9.0 * (levels[:, 0] == 2) - 9.0 * (levels[:, 0] < 2) * levels[:, 1])
    f0, f1 = optuna_importances(table, Settings(higher_is_better=True), "ped_anova")
    assert f0.value > f1.value
    f0, f1 = optuna_importances(table, Settings(higher_is_better=False), "ped_anova")
    assert f0.value < f1.value


@pytest.mark.parametrize(("method", "blocks"), [("fanova", 3), ("ped_anova", 12)])
def test_a_strong_factor_stands_out_of_its_band_with_an_interval_around_it(method, blocks):
    found = optuna_importances(study((2, 2, 2), blocks, lambda levels: 5.0 * levels[:, 0]), Settings(), method)
    assert [own.value > own.null_high for own in found] == [True, False, False]
    assert all(0 <= own.low <= own.value <= own.high <= 1 for own in found)
    assert sum(own.value for own in found) == pytest.approx(1)


def test_two_blocks_give_no_interval():
    found = optuna_importances(study((2, 2), 2, nothing), Settings(), "ped_anova")
    assert [(own.low, own.high) for own in found] == [(None, None)] * 2


def test_the_same_seed_grows_the_same_forests(monkeypatch):
    monkeypatch.setattr(ablate.execution.optuna_importance, "SHUFFLES", 2)
    table = study((2, 2), 2, lambda levels: 1.0 * levels[:, 0])
    first, again, other = (optuna_importances(table, Settings(seed=seed), "fanova") for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_runs_without_a_response_are_left_out():
    table = study((2, 2), 3, lambda levels: 1.0 * levels[:, 0])
    response = np.where(table.block == 2, np.nan, table.response)
    holes = RunTable(table.factors, table.blocks, table.levels, table.block, response)
    kept = table.block < 2
    whole = RunTable(table.factors, ("0", "1"), table.levels[kept], table.block[kept], table.response[kept])
    assert optuna_importances(holes, Settings(), "ped_anova") == optuna_importances(whole, Settings(), "ped_anova")


def test_one_run_has_no_importances():
    table = study((1, 1), 1, nothing)
    assert optuna_importances(table, Settings(), "ped_anova") == ()


def test_without_scikit_learn_fanova_names_what_to_install(monkeypatch):
    monkeypatch.setattr(
        ablate.execution.optuna_importance, "find_spec", lambda name: None if name == "sklearn" else find_spec(name)
    )
    with pytest.raises(AblateError, match=r"pip install 'ablate-convlstm\[importance\]'"):
        optuna_importances(study((2, 2), 2, nothing), Settings(), "fanova")


@pytest.mark.slow
def test_no_effect_passes_its_band_once_in_twenty_though_the_top_factor_has_half_of_the_importance():
    found = [
        optuna_importances(study((3, 3, 2, 2, 2), 2, nothing, seed), Settings(seed=seed), "ped_anova")
        for seed in range(80)
    ]
    above = np.mean([[own.value > own.null_high for own in study] for study in found])
    assert above == pytest.approx(0.05, abs=3.5 * np.sqrt(0.05 * 0.95 / 80))
    top = [max(study, key=lambda own: own.value) for study in found]
    assert np.mean([own.value for own in top]) == pytest.approx(0.5, abs=0.1)
    # One of five factors is above its band in 25 % of studies at the most.
    assert np.mean([own.value > own.null_high for own in top]) < 0.25 + 3.5 * np.sqrt(0.25 * 0.75 / 80)


@pytest.mark.slow
def test_a_pure_interaction_is_seen_by_shapley_shares_and_not_by_optunas():
    tables = [
        study((3, 3, 2, 2, 2), 2, lambda levels: 2.0 * (levels[:, 2] == levels[:, 3]), seed) for seed in range(40)
    ]
    exact = [[own.shapley > own.null_high for own in importance(table, Settings())[2:4]] for table in tables]
    optunas = [
        [own.value > own.null_high for own in optuna_importances(table, Settings(), "ped_anova")[2:4]]
        for table in tables
    ]
    assert np.mean(exact) > 0.95
    assert np.mean(optunas) < 0.2
