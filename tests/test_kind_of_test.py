"""Which table is tested how: every branch, and that neither responses nor alpha choose."""

import numpy as np
import pytest

from ablate.inference.infer import infer
from ablate.inference.kind_of_test import KindOfTest, is_designed, kind_of_test
from ablate.inference.settings import InferenceSettings
from tests.drawn_tables import crossed, half_fraction, noise, one_at_a_time, own_seeds, random_search, table


def kind(rows, lost=()):
    response = np.zeros(len(rows))
    response[list(lost)] = np.nan
    return kind_of_test(table(rows, response))


@pytest.mark.parametrize("rows", [crossed((2, 2), 6), one_at_a_time((3, 2, 2), 6), half_fraction((2, 2, 2, 2), 6)])
def test_a_designed_table_of_six_seeds_is_tested_by_flips_of_seeds(rows):
    assert kind(rows) is KindOfTest.SEED_FLIPS


def test_a_random_search_over_shared_seeds_is_tested_by_wild_flips():
    assert kind(random_search((2,) * 6, 60, 20, np.random.default_rng(0))) is KindOfTest.WILD_FLIPS


@pytest.mark.parametrize("seeds", [2, 3, 4, 5])
def test_two_to_five_seeds_are_tested_by_f_tests(seeds):
    assert kind(crossed((2, 2), seeds)) is KindOfTest.F_TEST


def test_five_seeds_of_a_random_search_are_too_few_to_flip():
    assert kind(random_search((2,) * 6, 60, 5, np.random.default_rng(0))) is KindOfTest.F_TEST


def test_runs_that_share_no_seed_are_flipped_one_by_one():
    assert kind(own_seeds((2, 2), 40, np.random.default_rng(0))) is KindOfTest.RUN_FLIPS


def test_runs_of_a_single_seed_are_flipped_one_by_one():
    assert kind(crossed((2, 3, 2), 1)) is KindOfTest.RUN_FLIPS


def test_two_runs_that_share_a_seed_make_seeds_the_unit():
    rows = own_seeds((2, 2), 40, np.random.default_rng(0))
    rows[1, -1] = rows[0, -1]
    assert kind(rows) is not KindOfTest.RUN_FLIPS


def test_a_table_is_designed_from_half_of_its_cells_times_seeds_on():
    # Four cells and eight seeds: 32 possible runs.
    rows = crossed((2, 2), 8)
    order = np.random.default_rng(1).permutation(len(rows))
    assert kind(rows[order[:16]]) is KindOfTest.SEED_FLIPS
    assert kind(rows[order[:15]]) is KindOfTest.WILD_FLIPS


def test_lost_runs_count_as_rows_so_a_study_that_lost_most_of_them_stays_designed():
    rows = crossed((2, 2), 8)
    lost = np.random.default_rng(1).permutation(len(rows))[:20]
    assert kind(rows, lost) is KindOfTest.SEED_FLIPS


def test_a_seed_without_any_response_does_not_count():
    rows = crossed((2, 2), 6)
    assert kind(rows, np.flatnonzero(rows[:, -1] == 5)) is KindOfTest.F_TEST


def test_runs_without_shared_seeds_are_designed_if_a_cell_has_two_on_average():
    generator = np.random.default_rng(0)
    planned, searched = own_seeds((2, 2), 40, generator), own_seeds((2,) * 8, 40, generator)
    assert is_designed(table(planned, np.zeros(40)))
    assert not is_designed(table(searched, np.zeros(40)))


@pytest.mark.parametrize(
    ("of_kind", "adjustment"),
    [
        (KindOfTest.SEED_FLIPS, "max-T"),
        (KindOfTest.WILD_FLIPS, "max-T"),
        (KindOfTest.RUN_FLIPS, "max-T"),
        (KindOfTest.F_TEST, "Holm"),
    ],
)
def test_flips_are_adjusted_by_their_maximum_and_f_tests_by_holm(of_kind, adjustment):
    assert of_kind.adjustment == adjustment


LAYOUTS = {
    KindOfTest.SEED_FLIPS: crossed((3, 2), 7),
    KindOfTest.WILD_FLIPS: random_search((2,) * 5, 60, 10, np.random.default_rng(3)),
    KindOfTest.RUN_FLIPS: own_seeds((2, 2), 40, np.random.default_rng(3)),
    KindOfTest.F_TEST: crossed((3, 2), 4),
}


def p_values(inference):
    verdicts = [(verdict.test.p, verdict.p_adjusted) for verdict in inference.verdicts]
    return verdicts + [(pair.test.p, pair.p_adjusted) for pair in inference.interactions]


@pytest.mark.parametrize("of_kind", LAYOUTS)
def test_no_p_value_depends_on_alpha(of_kind):
    rows = LAYOUTS[of_kind]
    runs = table(rows, noise(rows, np.random.default_rng(0)) + rows[:, 0])
    results = [infer(runs, InferenceSettings(alpha=alpha, draws=499), described=False) for alpha in (0.001, 0.05, 0.4)]
    assert {result.kind for result in results} == {of_kind}
    assert p_values(results[0]) == p_values(results[1]) == p_values(results[2])
    assert any(p is not None for p, _ in p_values(results[0]))


@pytest.mark.parametrize("of_kind", LAYOUTS)
def test_a_laxer_alpha_takes_no_claimed_effect_back(of_kind):
    rows, claimed = LAYOUTS[of_kind], 0
    for draw in range(8):
        generator = np.random.default_rng(draw)
        effect = 0.8 * (rows[:, 0] > 0) * (1 + (rows[:, 1] > 0) * generator.integers(-1, 2))
        runs = table(rows, noise(rows, generator) + effect)
        before = set[str]()
        for alpha in (0.01, 0.05, 0.2, 0.4):
            verdicts = infer(runs, InferenceSettings(alpha=alpha, margin=1.0, draws=499), described=False).verdicts
            now = {verdict.factor for verdict in verdicts if verdict.verdict.claims_effect}
            assert before <= now
            before, claimed = now, claimed + len(now)
    assert claimed > 0
