"""The interval over seeds: against SciPy, against every resample by hand, and by simulated coverage."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from ablate.analysis.bootstrap import EXACT_UP_TO, Resampling, coverage_bound, percentile_interval


def test_drawn_interval_is_that_of_scipy():
    values = np.random.default_rng(3).gamma(2.0, size=25)
    low, high = percentile_interval(values, Resampling(resamples=20_000))
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(0))
    # A 2.5 % quantile of 20,000 normal draws has an SD of 0.019 of their own; 3.5 times that, twice over.
    band = 3.5 * np.sqrt(2) * 0.019 * theirs.standard_error
    assert low == pytest.approx(theirs.confidence_interval.low, abs=band)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=band)


def test_few_values_use_every_resample():
    values = np.array([0.1, 0.5, 0.6, 2.0])
    means = sorted(np.mean(resample) for resample in product(values, repeat=4))
    low, high = percentile_interval(values, Resampling(confidence=0.9))
    assert low == pytest.approx(means[12])  # of 256: the first whose share of smaller or equal ones reaches 5 %
    assert high == pytest.approx(means[243])


def test_few_values_need_no_luck():
    values = np.arange(EXACT_UP_TO, dtype=float)
    assert percentile_interval(values, Resampling(seed=1)) == percentile_interval(values, Resampling(seed=2))


def test_drawn_interval_follows_its_seed():
    values = np.random.default_rng(0).normal(size=EXACT_UP_TO + 1)
    first, again, other = (percentile_interval(values, Resampling(resamples=100, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_one_value_gives_no_interval():
    assert percentile_interval(np.array([0.3]), Resampling()) is None


def test_two_values_give_their_range():
    assert percentile_interval(np.array([0.3, 0.1]), Resampling()) == (0.1, 0.3)


def coverage(seeds: int, simulations: int, resamples: int) -> float:
    draws = np.random.default_rng(0).normal(size=(simulations, seeds))
    intervals = [percentile_interval(values, Resampling(resamples=resamples)) for values in draws]
    return float(np.mean([low <= 0 <= high for low, high in intervals]))


def test_nominal_95_percent_covers_close_to_that_with_30_seeds():
    # The percentile interval is a normal interval with the population's SD for the sample's: with n = 30 its true
    # coverage is near P(|t_29| < 1.96 sqrt(29/30)) = 93.6 %. The band is that -+ 3.5 binomial SD at 400 simulations.
    expected = 1 - 2 * stats.t.sf(1.96 * np.sqrt(29 / 30), 29)
    band = 3.5 * np.sqrt(expected * (1 - expected) / 400)
    assert coverage(30, 400, 1_000) == pytest.approx(expected, abs=band)


@pytest.mark.parametrize("seeds", [2, 3])
def test_two_or_three_seeds_cover_just_what_the_bound_allows(seeds):
    band = 3.5 * np.sqrt(0.25 / 2_000)
    assert coverage(seeds, 2_000, 100) == pytest.approx(coverage_bound(seeds), abs=band)


def test_coverage_bound_is_the_chance_that_seeds_lie_on_both_sides():
    sides = list(product("+-", repeat=5))
    assert coverage_bound(5) == pytest.approx(np.mean([len(set(side)) == 2 for side in sides]))
