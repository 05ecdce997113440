"""Shares of the variance: against games worked by hand, every order of the factors, R, statsmodels, and simulations."""

from itertools import permutations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.importance import importance, shapley, variance
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings


def factors(counts):
    return tuple(FactorLevels(f"f{i}", f"f{i}", tuple(map(str, range(n))), "0") for i, n in enumerate(counts))


def study(counts, blocks, mean, noise=0.0, seed=0):
    """Return a full factorial whose runs are the cell's mean, a large effect of the block, and noise."""
    generator = np.random.default_rng(seed)
    cells = np.array(list(product(*map(range, counts))))
    block = np.tile(np.arange(blocks), len(cells))
    levels = np.repeat(cells, blocks, axis=0)
    response = mean(levels) + 10.0 * generator.normal(size=blocks)[block] + noise * generator.normal(size=len(block))
    return RunTable(factors(counts), tuple(map(str, range(blocks))), levels, block, response)


def without(table, runs):
    response = table.response.copy()
    response[runs] = np.nan
    return RunTable(table.factors, table.blocks, table.levels, table.block, response)


def shares(table, settings=InferenceSettings()):  # noqa: B008  # settings are frozen
    return [share.shapley for share in importance(table, settings)]


def test_the_glove_game_is_worth_two_thirds_and_a_sixth_each():
    # Player 0 has a left glove, 1 and 2 a right one; a pair is worth 1 (Shapley & Shubik 1969).
    worth = np.array([[1.0 * (coalition & 1 and coalition > 1)] for coalition in range(8)])
    assert shapley(worth)[:, 0] == pytest.approx([2 / 3, 1 / 6, 1 / 6])


def test_additive_factors_have_the_shares_of_their_variances():
    # Levels 0, 1, 2 have variance 2/3, levels 0, 3 have 9/4: together 35/12.
    table = study((3, 2, 2), 2, lambda levels: levels[:, 0] + 3.0 * levels[:, 1])
    assert shares(table) == pytest.approx([8 / 35, 27 / 35, 0], abs=1e-12)


def test_a_pure_interaction_belongs_half_to_each():
    table = study((2, 2, 3), 2, lambda levels: 1.0 * (levels[:, 0] == levels[:, 1]))
    assert shares(table) == pytest.approx([1 / 2, 1 / 2, 0], abs=1e-12)


def test_a_parity_of_three_belongs_a_third_to_each():
    table = study((2, 2, 2), 1, lambda levels: 1.0 * (levels.sum(axis=1) % 2))
    assert shares(table) == pytest.approx([1 / 3] * 3)


def added_over_all_orders(cells, means):
    """Return the shares by definition: what each factor adds to those before it, order by order."""

    def worth(chosen):
        keys = [tuple(row) for row in cells[:, sorted(chosen)]]
        group = {key: np.mean([m for k, m in zip(keys, means, strict=True) if k == key]) for key in set(keys)}
        return np.var([group[key] for key in keys])

    added = np.zeros(cells.shape[1])
    orders = list(permutations(range(cells.shape[1])))
    for order in orders:
        for position, factor in enumerate(order):
            added[factor] += worth(order[: position + 1]) - worth(order[:position])
    return added / len(orders) / np.var(means)


def test_shares_are_those_of_every_order_of_the_factors():
    table = study((3, 2, 2, 3), 1, lambda levels: 0.3 * levels[:, 0] * levels[:, 3], noise=1.0)
    assert shares(table) == pytest.approx(added_over_all_orders(table.levels, table.response))


def test_a_fraction_of_the_crossing_has_the_shares_of_its_own_cells():
    table = study((3, 3, 2, 2), 1, lambda levels: 1.0 * levels[:, 0] + levels[:, 1] * levels[:, 2], noise=1.0)
    table = without(table, np.random.default_rng(1).choice(36, 14, replace=False))
    share = table.defined
    assert shares(table) == pytest.approx(added_over_all_orders(table.levels[share], table.response[share]))


def test_missing_runs_leave_no_trace_of_the_blocks():
    whole = study((2, 2), 4, lambda levels: 1.0 * levels[:, 0])
    assert shares(without(whole, [0, 5, 6, 11])) == pytest.approx(shares(whole), abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_shares_are_never_negative_and_add_up_to_one_however_many_runs_are_missing(seed):
    table = study((3, 2, 4, 2), 3, lambda levels: 1.0 * levels[:, 0] * levels[:, 2], noise=1.0, seed=seed)
    results = shares(without(table, np.random.default_rng(seed).choice(144, 100, replace=False)))
    assert min(results) >= 0
    assert sum(results) == pytest.approx(1)


def test_the_interval_holds_the_share_and_follows_alpha():
    table = study((3, 2, 2), 5, lambda levels: 1.0 * levels[:, 0], noise=1.0)
    for narrow, wide in zip(
        importance(table, InferenceSettings(alpha=0.2)), importance(table, InferenceSettings(alpha=0.05)), strict=True
    ):
        ends = np.array([wide.low, narrow.low, narrow.shapley, narrow.high, wide.high], float)
        assert (np.diff(ends) > 0).all()
        assert ends[0] >= 0
        assert ends[-1] <= 1


def test_two_blocks_give_no_interval():
    results = importance(study((2, 2), 2, lambda levels: 1.0 * levels[:, 0], noise=1.0), InferenceSettings())
    assert [(share.low, share.high) for share in results] == [(None, None)] * 2


def test_the_interval_covers_what_so_many_blocks_give_on_average():
    def mean(levels):
        return 0.5 * levels[:, 0] + (levels[:, 1] == 1) * (levels[:, 2] == 1)

    results = [importance(study((3, 3, 2), 5, mean, noise=1.0, seed=seed), InferenceSettings()) for seed in range(80)]
    average = np.mean([[share.shapley for share in study] for study in results], axis=0)
    covered = [[share.low <= at <= share.high for share, at in zip(s, average, strict=True)] for s in results]
    # With five blocks 90 % at the least are covered, the band is 3.5 binomial SD of 80 simulations.
    assert min(np.mean(covered, axis=0)) > 0.9 - 3.5 * np.sqrt(0.9 * 0.1 / 80)


def test_no_effect_passes_its_null_band_once_in_twenty():
    results = [
        importance(study((3, 2, 2), 3, lambda _: 0.0, noise=1.0, seed=seed), InferenceSettings()) for seed in range(120)
    ]
    rate = np.mean([[share.shapley > share.null_high for share in study] for study in results], axis=0)
    assert rate == pytest.approx(0.05, abs=3.5 * np.sqrt(0.05 * 0.95 / 120))


def test_a_pure_interaction_stands_out_of_its_null_band():
    table = study((3, 3, 2, 2, 2), 2, lambda levels: 2.0 * (levels[:, 2] == levels[:, 3]), noise=1.0)
    results = importance(table, InferenceSettings())
    assert [share.shapley > share.null_high for share in results[2:4]] == [True, True]


def test_a_weak_factor_stands_out_of_its_null_band_beside_a_strong_one():
    # Variances 9 and 1/4, and noise of 1: a twelfth of it is left in the mean of twelve blocks.
    table = study((2, 2, 2, 2), 12, lambda levels: 6.0 * levels[:, 0] + levels[:, 1], noise=1.0)
    results = importance(table, InferenceSettings())
    assert results[1].shapley < 0.05
    assert [share.shapley > share.null_high for share in results] == [True, True, False, False]


def test_the_null_band_of_one_factor_is_that_of_its_variance():
    # Its share is all there is, whatever it does.
    idle, strong = (
        importance(study((3,), 12, lambda levels, size=size: size * levels[:, 0], noise=1.0), InferenceSettings())[0]
        for size in (0.0, 3.0)
    )
    assert idle.shapley == strong.shapley == 1
    assert idle.null_high == 1
    assert strong.null_high < 0.5


def test_the_same_seed_draws_the_same():
    table = study((2, 2), 4, lambda levels: 1.0 * levels[:, 0], noise=1.0)
    assert importance(table, InferenceSettings(seed=1)) == importance(table, InferenceSettings(seed=1))
    assert importance(table, InferenceSettings(seed=1)) != importance(table, InferenceSettings(seed=2))


def test_cells_that_do_not_differ_have_no_shares():
    assert importance(study((2, 3), 3, lambda _: 0.1), InferenceSettings()) == ()


def test_a_table_without_responses_has_no_shares():
    table = study((2, 2), 2, lambda levels: 1.0 * levels[:, 0])
    assert importance(without(table, slice(None)), InferenceSettings()) == ()


@pytest.mark.parametrize("count", [12, 13])
def test_more_than_twelve_factors_have_no_shares(count):
    # One factor at a time from a baseline: a cell for each factor, and the baseline.
    levels = np.vstack([np.zeros((1, count), int), np.eye(count, dtype=int)])
    table = RunTable(
        factors((2,) * count), ("0",), levels, np.zeros(count + 1, int), np.random.default_rng(0).normal(size=count + 1)
    )
    assert len(importance(table, InferenceSettings())) == (12 if count == 12 else 0)


NPK = Path(__file__).parent / "reference" / "npk.csv"
LEVELS = ("0", "1", "2")


def table_of(runs, names):
    factors = [FactorLevels(name, name, tuple(LEVELS[: runs[name].max() + 1]), "0") for name in names]
    return RunTable.of(runs, factors, "block")


def crossed_runs(seed=0):
    runs = pd.DataFrame(product(range(3), range(2), range(2), range(3)), columns=["a", "b", "c", "block"])
    noise = np.random.default_rng(seed).normal(size=len(runs))
    return runs.assign(response=runs.a + 2 * (runs.a == runs.b) + 3 * runs.block**2 + noise)


def test_shares_of_npk_are_those_that_r_publishes():
    shares = variance(table_of(pd.read_csv(NPK).rename(columns={"yield": "response"}), "NPK"))
    assert shares is not None
    # summary(aov(yield ~ block + N*P*K, npk)): N:P:K is mixed up with blocks, so that pairs are all there is.
    blocks, factors, pairs, residuals = 343.2950, 189.2817 + 8.4017 + 95.2017, 21.2817 + 33.1350 + 0.4817, 185.2867
    total = blocks + factors + pairs + residuals
    expected = np.array([factors, pairs, blocks, residuals]) / total
    assert [shares.factors, shares.interactions, shares.seed, shares.residual] == pytest.approx(expected, abs=1e-6)


def test_shares_with_holes_are_those_of_statsmodels():
    runs = crossed_runs()
    runs.loc[np.random.default_rng(1).choice(len(runs), 9, replace=False), "response"] = np.nan
    shares = variance(table_of(runs, "abc"))
    assert shares is not None
    formula = "response ~ C(block) + C(a) + C(b) + C(c) + C(a):C(b) + C(a):C(c) + C(b):C(c)"
    sums = anova_lm(ols(formula, runs.dropna()).fit(), typ=1)["sum_sq"]
    assert shares.seed == pytest.approx(sums["C(block)"] / sums.sum())
    assert shares.factors == pytest.approx(sums[["C(a)", "C(b)", "C(c)"]].sum() / sums.sum())
    assert shares.interactions == pytest.approx(sums[["C(a):C(b)", "C(a):C(c)", "C(b):C(c)"]].sum() / sums.sum())
    assert shares.residual == pytest.approx(sums["Residual"] / sums.sum())


def test_a_sum_of_block_factor_and_pair_has_their_variances_shares():
    runs = crossed_runs()
    signs = 2 * runs[["b", "c"]] - 1
    runs["response"] = 3.0 * runs.block + 2.0 * signs.b + 4.0 * signs.b * signs.c
    # Blocks 0, 3, 6 have variance 6, the factor 4, the pair 16.
    shares = variance(table_of(runs, "abc"))
    assert shares is not None
    results = [shares.seed, shares.factors, shares.interactions, shares.residual]
    assert results == pytest.approx([6 / 26, 4 / 26, 16 / 26, 0], abs=1e-12)


def test_a_pair_that_others_make_up_adds_nothing_twice():
    # A half fraction in which c is a x b: each pair is a main effect, which comes first.
    runs = pd.DataFrame({"a": [0, 0, 1, 1], "b": [0, 1, 0, 1], "c": [1, 0, 0, 1], "block": 0})
    shares = variance(table_of(runs.assign(response=[1.0, 5.0, 2.0, 4.0]), "abc"))
    assert shares is not None
    assert (shares.factors, shares.interactions, shares.seed) == pytest.approx((1, 0, 0), abs=1e-12)


@pytest.mark.parametrize("response", [0.1, np.nan])
def test_responses_that_do_not_differ_have_no_shares(response):
    assert variance(table_of(crossed_runs().assign(response=response), "abc")) is None
