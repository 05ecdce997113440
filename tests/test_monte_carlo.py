"""P-values from drawn relabelings: valid whenever drawing stops (Besag & Clifford 1991)."""

import numpy as np
import pytest
from scipy import stats

from ablate.inference.monte_carlo import SEEN_ENOUGH, Draws, reached


def normal(generator, count):
    return generator.normal(size=count)


def p_of(observed, most=2_000, seed=0):
    return reached(observed, normal, Draws(most, seed), 1)


@pytest.mark.parametrize("observed", [0.0, 1.0, 1.6])
def test_it_comes_close_to_the_exact_share(observed):
    exact = stats.norm.sf(observed)
    assert p_of(observed, 100_000) == pytest.approx(exact, abs=3.5 * exact / np.sqrt(SEEN_ENOUGH))


def test_it_is_never_zero_however_large_the_statistic():
    assert p_of(1e9, most=999) == 1 / 1000


def test_it_is_one_where_every_relabeling_reaches_it():
    assert p_of(-1e9) == 1.0


def test_drawing_stops_at_the_hundredth_that_reaches_it():
    asked = []

    def counted(generator, count):
        asked.append(count)
        return normal(generator, count)

    reached(0.0, counted, Draws(100_000, 0), 1)
    assert sum(asked) < 2_000


def test_it_is_no_smaller_than_its_chance():
    # Under the null the observed statistic is one more draw: P(p <= x) is at most x.
    observed = np.random.default_rng(1).normal(size=2_000)
    found = np.array([p_of(value, most=199, seed=place) for place, value in enumerate(observed)])
    for level in (0.01, 0.05, 0.2, 0.5):
        assert np.mean(found <= level) <= level + 3.5 * np.sqrt(level * (1 - level) / len(found))


def test_the_same_seed_gives_the_same_p_and_another_another():
    assert p_of(1.5) == p_of(1.5)
    assert p_of(1.5) != p_of(1.5, seed=1)


def test_memory_bounds_how_many_are_drawn_at_a_time():
    asked = []

    def counted(generator, count):
        asked.append(count)
        return normal(generator, count)

    reached(9.0, counted, Draws(200, 0), 500_000)
    assert max(asked) == 4
