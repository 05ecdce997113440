"""The simulated tables themselves: what is planted in them, and the noise around it."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import stats

from ablate.inference.calibration import SCENARIOS
from ablate.inference.calibration.layout import Layout
from ablate.inference.calibration.scenarios import PlantedTruth, Sizes, simulate, table_of
from ablate.inference.factor_levels import FactorLevels

SIZES = Sizes(effect=1.5, interaction=2.0, margin=0.5)
CROSSED = Layout.crossed((3, 3, 2, 2, 2), 2)
WIDE = Layout.crossed((3, 2, 2), 4_000)


def planted(name, layout=CROSSED, number=0):
    return SCENARIOS[name].plant(layout, SIZES, np.random.default_rng(number))


def noise(name, layout=WIDE, target=None, seed=5):
    target = target or PlantedTruth(np.zeros(len(layout.cells)), causes=(0,))
    return SCENARIOS[name].noise(layout, target, np.random.default_rng(seed))


def against_first(factor, level):
    weights = np.zeros(len(factor.levels))
    weights[[level, 0]] = 1, -1
    return weights


def test_a_crossed_layout_holds_every_combination_once():
    assert sorted(map(tuple, CROSSED.cells)) == sorted(product(range(3), range(3), range(2), range(2), range(2)))


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_study_is_drawn_again(name):
    first, again = (simulate(SCENARIOS[name], CROSSED, SIZES, 1, 7).table.response for _ in range(2))
    assert np.array_equal(first, again, equal_nan=True)


@pytest.mark.parametrize("name", SCENARIOS)
def test_another_number_or_seed_is_another_study(name):
    first, second, elsewhere = (
        simulate(SCENARIOS[name], CROSSED, SIZES, seed, number).table.response
        for seed, number in ((1, 7), (1, 8), (2, 7))
    )
    assert not np.array_equal(first[:50], second[:50])
    assert not np.array_equal(first[:50], elsewhere[:50])


def test_scenarios_draw_unrelated_noise():
    tables = [simulate(SCENARIOS[name], CROSSED, SIZES, 1, 0).table.response for name in ("no_effect", "one_cause")]
    assert abs(np.corrcoef(tables)[0, 1]) < 0.9


def test_a_cause_rises_evenly_from_its_baseline_to_its_full_size():
    target = planted("one_cause")
    (factor,) = target.causes
    levels = len(CROSSED.factors[factor].levels)
    assert target.means == pytest.approx(1.5 * CROSSED.cells[:, factor] / (levels - 1), abs=0)


def test_every_factor_is_the_cause_in_some_study():
    assert {planted("one_cause", number=number).causes for number in range(60)} == {(factor,) for factor in range(5)}


def test_a_cause_is_counted_from_a_baseline_that_is_not_the_first_level():
    layout = Layout((FactorLevels("k", "k", ("a", "b", "c"), "b"),), np.array([[0], [1], [2]]), 3)
    assert planted("one_cause", layout).means.tolist() == [0.75, 0, 1.5]


def test_an_effect_at_the_margin_is_the_margin():
    assert np.ptp(planted("effect_at_margin").means) == 0.5


def test_a_pure_interaction_of_two_levels_moves_up_or_down_by_its_size():
    target = planted("pure_interaction", Layout.crossed((2, 2), 2))
    assert target.means.reshape(2, 2).tolist() == [[1, -1], [-1, 1]]


@pytest.mark.parametrize("number", range(12))
def test_a_pure_interaction_has_no_main_effect_at_all(number):
    target = planted("pure_interaction", number=number)
    contrasts = [
        CROSSED.contrast(target.means, position, against_first(factor, level))
        for position, factor in enumerate(CROSSED.factors)
        for level in range(1, len(factor.levels))
    ]
    assert np.abs(contrasts).max() < 1e-15


def test_every_pair_interacts_in_some_study():
    assert {planted("pure_interaction", number=number).pair for number in range(100)} == set(CROSSED.crossed_pairs)
    assert len(CROSSED.crossed_pairs) == 10


def test_only_a_pair_that_is_tested_interacts():
    first = replace(CROSSED, tested=(("E", "A"),))
    assert {planted("pure_interaction", first, number).pair for number in range(10)} == {(0, 4)}
    assert not SCENARIOS["pure_interaction"].fits(replace(CROSSED, tested=()))


def test_levels_that_never_meet_cannot_interact():
    star = Layout(CROSSED.factors[2:4], np.array([[0, 0], [1, 0], [0, 1]]), 10)
    assert star.crossed_pairs == ()
    assert not SCENARIOS["pure_interaction"].fits(star)


def test_the_true_contrast_is_the_mean_over_matched_cells():
    layout = Layout(CROSSED.factors[2:4], np.array([[0, 0], [1, 0], [0, 1]]), 10)
    assert layout.contrast(np.array([1.0, 4.0, 9.0]), 0, np.array([-1.0, 1.0])) == 3
    assert layout.contrast(np.array([1.0, 4.0, 9.0]), 1, np.array([-1.0, 1.0])) == 8


def test_the_true_contrast_of_cells_that_never_match_is_their_main_effect():
    half = Layout(CROSSED.factors[2:5], np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0], [1, 1, 1]]), 2)
    means = half.cells @ np.array([1.0, 2.0, 4.0])
    assert half.contrast(means, 2, np.array([-1.0, 1.0])) == pytest.approx(4)


def test_a_run_is_its_cell_plus_its_seed_where_there_is_no_noise(monkeypatch):
    scenario = type(SCENARIOS["one_cause"])()
    monkeypatch.setattr(
        scenario, "noise", lambda layout, *_: np.zeros((len(layout.cells), layout.blocks)), raising=False
    )
    study = simulate(scenario, CROSSED, SIZES, 3, 0)
    left = study.table.response.reshape(-1, 2) - study.planted.means[:, None]
    assert np.allclose(left, left[0], atol=1e-12)
    assert left[0, 0] != left[0, 1]


def test_seeds_differ_with_standard_deviation_1():
    layout = Layout.crossed((2,), 20_000)
    study = simulate(SCENARIOS["no_effect"], layout, SIZES, 0, 0)
    first, second = study.table.response.reshape(2, -1)
    assert np.cov(first, second)[0, 1] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("name", "distribution"),
    [
        ("no_effect", stats.norm()),
        ("heavy_tails", stats.t(3, scale=3**-0.5)),
        ("skewed", stats.lognorm(1, loc=-((np.e - 1) ** -0.5), scale=(np.e * (np.e - 1)) ** -0.5)),
    ],
)
def test_noise_has_mean_0_standard_deviation_1_and_its_own_shape(name, distribution):
    drawn = noise(name).reshape(-1)
    assert distribution.mean() == pytest.approx(0, abs=1e-12)
    assert distribution.std() == pytest.approx(1)
    assert stats.kstest(drawn, distribution.cdf).pvalue > 0.001


def test_unequal_variances_differ_threefold_in_standard_deviation_over_one_idle_factor():
    drawn = noise("unequal_variances")
    by_level = [
        [drawn[WIDE.cells[:, factor] == level].std() for level in range(len(levels.levels))]
        for factor, levels in enumerate(WIDE.factors)
    ]
    ratios = sorted(deviations[-1] / deviations[0] for deviations in by_level)
    assert ratios == pytest.approx([1, 1, 3], abs=0.06)
    assert by_level[0][-1] / by_level[0][0] == pytest.approx(1, abs=0.06)
    assert drawn.std() == pytest.approx(1, abs=0.02)


def test_a_tenth_of_the_runs_is_missing():
    study = simulate(SCENARIOS["missing_runs"], Layout.crossed((3, 2, 2), 500), SIZES, 0, 0)
    lost = int(np.isnan(study.table.response).sum())
    assert stats.binomtest(lost, 6_000, 0.1).pvalue > 0.001
    assert study.table.outcome.count("failed") == lost


def test_runs_diverge_at_one_level_more_often():
    lost = SCENARIOS["diverging_level"].lost(WIDE, planted("one_cause", WIDE), np.random.default_rng(0))
    shares = sorted(
        lost[WIDE.cells[:, factor] == len(levels.levels) - 1].mean() for factor, levels in enumerate(WIDE.factors)
    )
    assert shares[-1] == pytest.approx(0.3, abs=0.02)
    assert shares[0] < 0.2


def test_few_seeds_are_two_or_three():
    counts = {len(simulate(SCENARIOS["few_seeds"], CROSSED, SIZES, 0, n).table.blocks) for n in range(20)}
    assert counts == {2, 3}


def test_an_effect_that_changes_with_the_seed_is_shared_by_all_runs_of_a_level_in_a_seed():
    layout = Layout.crossed((2, 2), 20_000)
    drawn = noise("seed_dependent", layout)
    first, second = drawn[0] - drawn[2], drawn[1] - drawn[3]
    assert np.cov(first, second)[0, 1] == pytest.approx(2 * 0.5**2, abs=0.06)


def test_the_table_of_a_layout_names_its_runs():
    table = table_of(Layout.crossed((2,), 2), np.array([[1.0, 2.0], [3.0, np.nan]]))
    assert table.levels[:, 0].tolist() == [0, 0, 1, 1]
    assert table.block.tolist() == [0, 1, 0, 1]
    assert table.response[:3].tolist() == [1, 2, 3]
    assert table.outcome == ("finished", "finished", "finished", "failed")
