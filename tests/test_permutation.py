"""Permutation tests: against all permutations by hand, SciPy's test, and the theory of drawn p-values."""

from itertools import permutations, product

import numpy as np
import pytest
from scipy import stats

from ablate.inference.matched import MatchedSets
from ablate.inference.permutation import HITS, Draws, drawn_p, omnibus_p, set_permutations

DRAWS = Draws(9_999, 0)


def sets(values):
    values = np.asarray(values, float)
    return MatchedSets(values, np.zeros(len(values), int), np.arange(len(values)), 0, 1.0)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def share(statistics, observed):
    return np.mean(np.array(statistics) >= observed - 1e-9)


def by_hand(values):
    """Return the p of the spread of the levels' means, over every order of every set."""
    orders = list(permutations(range(values.shape[1])))
    means = [
        np.array([row[list(order)] for row, order in zip(values, chosen, strict=True)]).mean(axis=0)
        for chosen in product(orders, repeat=len(values))
    ]
    return share([entries.var() for entries in means], values.mean(axis=0).var())


@pytest.mark.parametrize("shape", [(6, 2), (4, 3), (3, 4)])
def test_the_test_of_a_factor_goes_through_every_order_of_every_set(shape):
    assert omnibus_p(sets(noise(*shape)), DRAWS) == pytest.approx(by_hand(noise(*shape)))


@pytest.mark.parametrize("seed", range(3))
def test_the_test_of_two_levels_is_scipys_paired_permutation_test(seed):
    pairs = noise(9, 2, seed=seed) + np.array([0.0, 0.5])
    expected = stats.permutation_test(
        (pairs[:, 0], pairs[:, 1]), lambda first, second: abs(np.mean(first - second)), permutation_type="samples",
        alternative="greater", n_resamples=10_000,
    )  # fmt: skip
    assert omnibus_p(sets(pairs), DRAWS) == pytest.approx(expected.pvalue)


def test_the_interaction_of_two_by_two_flips_the_sign_of_each_sets_difference_of_differences():
    values = noise(7, 2, 2)
    entries = values[:, 0, 0] - values[:, 0, 1] - values[:, 1, 0] + values[:, 1, 1]
    flipped = [abs(np.dot(signs, entries)) for signs in product((-1, 1), repeat=7)]
    assert omnibus_p(sets(values), DRAWS) == pytest.approx(share(flipped, abs(entries.sum())))


def test_the_interaction_of_three_by_two_exchanges_rows_and_columns():
    values = noise(3, 3, 2)
    residual = values - values.mean(axis=1, keepdims=True) - values.mean(axis=2, keepdims=True)
    residual += values.mean(axis=(1, 2), keepdims=True)
    ways = list(product(permutations(range(3)), permutations(range(2))))
    sums = [
        (sum(entries[np.ix_(*order)] for entries, order in zip(residual, chosen, strict=True)) ** 2).sum()
        for chosen in product(ways, repeat=3)
    ]
    assert omnibus_p(sets(values), DRAWS) == pytest.approx(share(sums, (residual.sum(axis=0) ** 2).sum()))


def test_main_effects_are_no_interaction():
    rows, columns = noise(5, 3, 1, seed=1), noise(5, 1, 2, seed=2)
    assert omnibus_p(sets(10 * (rows + columns)), DRAWS) == 1.0


def test_drawn_relabelings_come_close_to_all_of_them():
    pairs = noise(14, 2) + np.array([0.0, 0.4])
    exact = omnibus_p(sets(pairs), DRAWS)
    # A set that tells nothing doubles the relabelings, past what is gone through, and leaves p as it is.
    drawn = omnibus_p(sets(np.vstack([pairs, np.zeros((3, 2))])), Draws(50_000, 0))
    assert drawn == pytest.approx(exact, rel=0.35)


@pytest.mark.parametrize(("shape", "count"), [((2,), 2), ((3,), 6), ((2, 2), 2), ((3, 2), 12), ((6,), 720), ((7,), 7)])
def test_a_set_is_relabeled_in_all_ways_or_round_where_these_are_too_many(shape, count):
    p = set_permutations(shape)
    assert len(np.unique(p, axis=0)) == len(p) == count
    assert p[0].tolist() == list(range(int(np.prod(shape))))


@pytest.mark.parametrize("shape", [(5, 2), (3, 3), (4, 2, 2), (30, 2)])
def test_without_an_effect_p_is_no_smaller_than_its_chance(shape):
    p = np.array([omnibus_p(sets(noise(*shape, seed=seed)), Draws(199, seed)) for seed in range(800)])
    for level in (0.05, 0.2):
        assert np.mean(p <= level) <= level + 3.5 * np.sqrt(level * (1 - level) / len(p))


def test_noise_that_differs_between_sets_keeps_the_chance():
    scale = np.array([0.01, 0.1, 1.0, 10.0, 100.0, 100.0])[:, np.newaxis]
    p = np.array([omnibus_p(sets(noise(6, 2, seed=seed) * scale), DRAWS) for seed in range(800)])
    assert np.mean(p <= 0.1) <= 0.1 + 3.5 * np.sqrt(0.1 * 0.9 / 800)


def normal(generator, count):
    return generator.normal(size=count)


def p_of(observed, most=2_000, seed=0):
    return drawn_p(observed, normal, Draws(most, seed), 1)


@pytest.mark.parametrize("observed", [0.0, 1.0, 1.6])
def test_it_comes_close_to_the_exact_share(observed):
    exact = stats.norm.sf(observed)
    assert p_of(observed, 100_000) == pytest.approx(exact, abs=3.5 * exact / np.sqrt(HITS))


def test_it_is_never_zero_however_large_the_statistic():
    assert p_of(1e9, most=999) == 1 / 1000


def test_it_is_one_where_every_relabeling_reaches_it():
    assert p_of(-1e9) == 1.0


def test_drawing_stops_at_the_hundredth_that_reaches_it():
    counts = []

    def counted(generator, count):
        counts.append(count)
        return normal(generator, count)

    drawn_p(0.0, counted, Draws(100_000, 0), 1)
    assert sum(counts) < 2_000


def test_it_is_no_smaller_than_its_chance():
    # Under the null the observed statistic is one more draw: P(p <= x) is at most x.
    observed = np.random.default_rng(1).normal(size=2_000)
    p = np.array([p_of(value, most=199, seed=place) for place, value in enumerate(observed)])
    for level in (0.01, 0.05, 0.2, 0.5):
        assert np.mean(p <= level) <= level + 3.5 * np.sqrt(level * (1 - level) / len(p))


def test_the_same_seed_gives_the_same_p_and_another_another():
    assert p_of(1.5) == p_of(1.5)
    assert p_of(1.5) != p_of(1.5, seed=1)


def test_memory_bounds_how_many_are_drawn_at_a_time():
    counts = []

    def counted(generator, count):
        counts.append(count)
        return normal(generator, count)

    drawn_p(9.0, counted, Draws(200, 0), 500_000)
    assert max(counts) == 4
