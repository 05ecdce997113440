"""How many more seeds: against the power of statsmodels' t test."""

import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from ablate.inference.inference import Effect
from ablate.inference.more_seeds import more_seeds
from ablate.inference.settings import Settings


def effect(estimate=1.0, spread=1.0, seeds=8, runs=None, trend=None):
    """Return an effect whose single seeds vary with the SD `spread`."""
    half = stats.t.ppf(0.975, seeds - 1) * spread / seeds**0.5
    return Effect(
        factor="a", contrast="1 - 0", level="1", baseline="0", trend=trend, estimate=estimate,
        low=estimate - half, high=estimate + half, p=0.5, p_adjusted=0.5, n_blocks=seeds, n_runs=runs or 2 * seeds,
        dropped=0, standardized=None, prob_improvement=None, equivalent=None, by_block=(),
    )  # fmt: skip


@pytest.mark.parametrize(("size", "family"), [(0.3, 1), (0.6, 4), (0.8, 6)])
def test_it_is_what_the_power_of_a_paired_t_test_asks_for(size, family):
    alone = TTestPower().solve_power(effect_size=size, alpha=0.05 / family, power=0.8)
    assert more_seeds([effect(size)], "block", Settings(), family) + 8 == pytest.approx(alone, abs=1.5)


def test_it_grows_as_the_effect_shrinks():
    large, small = (more_seeds([effect(size)], "block", Settings(), 1) for size in (0.8, 0.4))
    assert small > large


def test_the_margin_is_looked_for_where_the_effect_is_smaller():
    assert more_seeds([effect(0.01)], "block", Settings(margin=0.6), 1) == more_seeds(
        [effect(0.6)], "block", Settings(), 1
    )


def test_pairs_of_runs_alone_need_as_many_seeds_as_whole_seeds_can_reject_with():
    # 2^(1 - 10) <= 0.05 / 15 < 2^(1 - 9): ten seeds, however large the effect.
    assert more_seeds([effect(100.0, seeds=3)], "run", Settings(), 15) == 7


def test_no_number_of_seeds_is_named_that_nobody_would_run():
    assert more_seeds([effect(0.001)], "block", Settings(), 1) is None


def test_without_an_interval_nothing_is_known():
    assert more_seeds([], "block", Settings(), 1) is None


def test_a_trend_is_not_what_is_looked_for():
    assert more_seeds([effect(trend="linear")], "block", Settings(), 1) is None
