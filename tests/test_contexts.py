"""The check of a factor in every context: against all exchanges by hand, and its power against a simulation by hand."""

from itertools import permutations, product

import numpy as np
import pytest

from ablate.inference.contexts import context_check, with_power
from ablate.inference.infer import infer
from ablate.inference.settings import InferenceSettings
from tests.drawn_tables import crossed, half_fraction, noise, one_at_a_time, own_seeds, table

SETTINGS = InferenceSettings(margin=0.5)
MANY = InferenceSettings(margin=0.5, draws=200_000)


def checked(runs, position=0, settings=SETTINGS, *, less_mean=False):
    """Return the check of a factor that has matched runs."""
    check = context_check(runs, position, settings, less_mean=less_mean)
    assert check is not None
    return check


def statistics(sets):
    """Return both statistics of differences between all pairs of levels; `sets` are contexts x seeds x levels."""
    means = sets.mean(axis=1)
    differences = means[:, :, np.newaxis] - means[:, np.newaxis]
    return (differences**2).sum() / 2, np.abs(differences).max()


def exact_p(sets):
    """Return the smaller p of both statistics over every exchange of levels within every set."""
    orders = list(permutations(range(sets.shape[2])))
    flat, observed, reached = sets.reshape(-1, sets.shape[2]), statistics(sets), np.zeros(2)
    exchanges = list(product(orders, repeat=len(flat)))
    for exchange in exchanges:
        exchanged = np.array([values[list(order)] for values, order in zip(flat, exchange, strict=True)])
        reached += np.array(statistics(exchanged.reshape(sets.shape))) >= np.array(observed) - 1e-9
    return (reached / len(exchanges)).min()


@pytest.mark.parametrize(("shape", "seeds"), [((2, 3), 3), ((2, 2), 5), ((3, 2), 2)])
@pytest.mark.parametrize("draw", range(2))
def test_the_check_goes_over_exchanges_of_levels_within_seed_and_context(shape, seeds, draw):
    rows = crossed(shape, seeds)
    response = noise(rows, np.random.default_rng(draw)) + 1.5 * rows[:, 0] * (rows[:, 1] == 0)
    check = checked(table(rows, response), 0, MANY)
    sets = response.reshape(*shape, seeds).transpose(1, 2, 0)
    assert check.contexts == shape[1]
    assert check.p == pytest.approx(exact_p(sets), rel=0.5, abs=0.02)  # 50 hits: an error of a seventh


def test_effects_that_cancel_on_average_are_noticed():
    rows = crossed((2, 2, 2), 6)
    together = 2.0 * (rows[:, :3].sum(axis=1) % 2)
    runs = table(rows, together + noise(rows, np.random.default_rng(0)))
    assert [checked(runs, position, SETTINGS).is_quiet for position in range(3)] == [False] * 3


def test_a_single_context_that_differs_is_noticed():
    rows = crossed((2, 3, 2), 12)
    shifted = 2.0 * rows[:, 0] * (rows[:, 1] == 2) * (rows[:, 2] == 1)
    runs = table(rows, shifted + noise(rows, np.random.default_rng(0)))
    assert not checked(runs, 0, SETTINGS).is_quiet


def test_without_the_mean_effect_only_differences_between_contexts_count():
    rows = crossed((2, 3), 12)
    steady = table(rows, 2.0 * rows[:, 0] + noise(rows, np.random.default_rng(0)))
    opposed = table(rows, 2.0 * rows[:, 0] * (rows[:, 1] - 1) + noise(rows, np.random.default_rng(0)))
    checks = [checked(runs, less_mean=less) for runs in (steady, opposed) for less in (False, True)]
    assert [check.is_quiet for check in checks] == [False, True, False, False]


@pytest.mark.parametrize("rows", [half_fraction((2, 2, 2), 8), own_seeds((2, 2), 40, np.random.default_rng(0))])
def test_without_runs_that_differ_in_the_factor_alone_there_is_no_check(rows):
    assert context_check(table(rows, noise(rows, np.random.default_rng(0))), 0, SETTINGS) is None


def test_one_at_a_time_has_a_single_context():
    rows = one_at_a_time((2, 3, 2), 8)
    assert checked(table(rows, noise(rows, np.random.default_rng(0))), 0, SETTINGS).contexts == 1


def test_a_lost_run_takes_its_set_out():
    rows = crossed((2, 2), 6)
    response = noise(rows, np.random.default_rng(0))
    response[rows[:, 1] == 1] = np.nan
    assert checked(table(rows, response), 0, SETTINGS).contexts == 1


def test_the_check_is_loud_in_at_most_one_table_in_ten_without_any_effect():
    # The smaller of two p-values at 5 %; they are strongly related.
    rows = crossed((3, 2, 2), 6)
    quick = InferenceSettings(draws=199)
    loud = [
        not checked(table(rows, noise(rows, np.random.default_rng(draw))), 0, quick).is_quiet for draw in range(150)
    ]
    assert np.mean(loud) <= 0.1 + 3.5 * np.sqrt(0.1 * 0.9 / 150)


@pytest.mark.parametrize("margin", [0.4, 0.8])
def test_the_power_is_that_of_a_simulation_by_hand(margin):
    # Two levels, six contexts, eight seeds; differences of two runs of SD 1 have SD sqrt(2).
    seeds, contexts, generator = 8, 6, np.random.default_rng(7)
    rows = crossed((2, contexts), seeds)
    runs = table(rows, noise(rows, np.random.default_rng(0)))
    settings = InferenceSettings(margin=margin)
    check = with_power(checked(runs, 0, settings), runs, 0, settings)
    signs = generator.choice([-1.0, 1.0], (399, contexts, seeds))
    noticed = 0
    for _ in range(400):
        differences = np.sqrt(2) * generator.normal(size=(contexts, seeds))
        differences[generator.integers(contexts)] += 2 * margin
        means, flipped = differences.mean(axis=1), (signs * differences).mean(axis=2)
        p = [
            (1 + (flipped_statistic >= statistic - 1e-9).sum()) / 400
            for statistic, flipped_statistic in (
                ((means**2).sum(), (flipped**2).sum(axis=1)),
                (np.abs(means).max(), np.abs(flipped).max(axis=1)),
            )
        ]
        noticed += min(p) <= 0.05
    assert check.shift == 2 * margin
    # 200 and 400 tables have errors of 3.5 and 2.5 points; the noise of one table is known to 8 %
    assert check.power == pytest.approx(noticed / 400, abs=0.15)


def test_a_factor_that_is_not_a_cause_says_what_a_single_context_would_have_shown():
    rows = crossed((2, 3), 12)
    first, _ = infer(table(rows, 0.3 * noise(rows, np.random.default_rng(0))), SETTINGS).verdicts
    assert first.verdict == "not a cause"
    assert first.context_check is not None
    assert first.context_check.power is not None
    assert first.context_check.shift == 1.0  # two margins
    assert first.context_check.power > 0.9
