"""Group-sequential maximum tests: boundaries, step-down and sequential p against a definition written out in full."""

import itertools
import math

import numpy as np
import pytest

from ablate.inference.sequential import GroupSequential, linear_shares, parent_flips
from ablate.inference.sequential_tests import first_naming
from ablate.inference.settings import Looks
from ablate.inference.step_down import flip_signs

FIRST, LAST = 4, 7


def flips(n):
    """All sign patterns of n seeds of which the first is positive, in any order but with the identity first."""
    return [(1, *signs) for signs in itertools.product((1, -1), repeat=n - 1)]


def statistic(scores, signs):
    return abs(sum(sign * score for sign, score in zip(signs, scores, strict=False))) / math.sqrt(
        sum(score**2 for score in scores[: len(signs)])
    )


def boundaries_of(scores, remaining, alpha, last):
    """The boundary of each look up to `last` seeds, by the definition: sets of tuples, no arrays."""
    crossed = set()
    for n in range(FIRST, last + 1):
        largest = {signs: max(statistic(scores[h], signs) for h in remaining) for signs in flips(n)}
        before = {signs for signs in largest if signs[:-1] in crossed} if n > FIRST else set()
        allowed = math.floor(alpha * n / LAST * len(largest) + 1e-9) - len(before)
        free = sorted((value for signs, value in largest.items() if signs not in before), reverse=True)
        cut = free[allowed] if 0 < allowed < len(free) else (-math.inf if allowed >= len(free) else math.inf)
        now = {signs for signs, value in largest.items() if signs not in before and value > cut + 1e-9}
        crossed = before | now
        yield cut


def named(scores, alpha, last):
    """The names at each look, by stepping down until nothing more is named."""
    remaining, names = set(range(len(scores))), dict[int, int]()
    for n in range(FIRST, last + 1):
        while remaining:
            cuts = list(boundaries_of(scores, remaining, alpha, n))
            new = {
                h
                for h in remaining
                for look, cut in enumerate(cuts)
                if statistic(scores[h], (1,) * (FIRST + look)) > cut + 1e-9
            }
            if not new:
                break
            names |= dict.fromkeys(new, n - FIRST)
            remaining -= new
    return [names.get(h, last - FIRST + 1) for h in range(len(scores))]


def sequence(scores, last=LAST):
    matrices = []
    for n in range(FIRST, last + 1):
        signs = flip_signs(n, 17, 999, 0, size=LAST).astype(float)
        matrices.append(np.abs(scores[:, :n] @ signs.T) / np.sqrt((scores[:, :n] ** 2).sum(axis=1))[:, np.newaxis])
    sizes = [matrix.shape[1] for matrix in matrices]
    parents = [parent_flips(before, now) for before, now in zip([1, *sizes], sizes, strict=False)]
    return GroupSequential(matrices, parents, linear_shares(FIRST, last, LAST))


@pytest.fixture(params=range(4))
def scores(request):
    """Three hypotheses over seven seeds; the first two have effects, of which one is large from the start."""
    return np.random.default_rng(request.param).normal(size=(3, LAST)) + np.array([[3.0], [1.2], [0.0]])


@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.4, 0.7])
def test_the_names_are_those_of_the_definition_written_out(scores, alpha):
    assert sequence(scores).naming(alpha).named_at.tolist() == named(scores.tolist(), alpha, LAST)


def test_the_boundaries_are_those_of_the_definition_written_out():
    idle = np.random.default_rng(0).normal(size=(3, LAST))
    naming, looks = sequence(idle).naming(0.2), LAST - FIRST + 1
    assert (naming.named_at == looks).all()
    expected = list(boundaries_of(idle.tolist(), {0, 1, 2}, 0.2, LAST))
    for hypothesis in range(3):
        assert naming.boundaries[:, hypothesis].tolist() == pytest.approx(expected)


def test_a_sequential_p_is_the_smallest_alpha_that_names(scores):
    analysis = sequence(scores)
    for look in range(LAST - FIRST + 1):
        for hypothesis, p in enumerate(analysis.p_values(look)):
            assert named(scores.tolist(), p, LAST)[hypothesis] <= look or p == 1
            assert named(scores.tolist(), p - 1e-6, LAST)[hypothesis] > look


def test_a_sequential_p_never_rises_from_look_to_look(scores):
    analysis = sequence(scores)
    p = np.array([analysis.p_values(look) for look in range(LAST - FIRST + 1)])
    assert (np.diff(p, axis=0) <= 0).all()


def test_what_is_known_at_a_look_does_not_depend_on_later_seeds(scores):
    for last in range(FIRST, LAST + 1):
        early, late = sequence(scores, last).naming(0.2), sequence(scores).naming(0.2)
        looks = last - FIRST + 1
        np.testing.assert_array_equal(early.boundaries, late.boundaries[:looks])
        np.testing.assert_array_equal(early.named_at, np.minimum(late.named_at, looks))


def test_a_named_hypothesis_has_no_boundary_after_its_name():
    scores = np.vstack([np.full(LAST, 4.0) + np.arange(LAST) / 10, np.random.default_rng(0).normal(size=(2, LAST))])
    naming = sequence(scores).naming(0.4)
    assert naming.named_at[0] == 0
    assert np.isfinite(naming.boundaries[0, 0])
    assert np.isnan(naming.boundaries[1:, 0]).all()


def test_no_flip_may_cross_before_the_spent_alpha_suffices():
    assert np.isinf(sequence(np.random.default_rng(0).normal(size=(3, LAST))).naming(0.05).boundaries[0]).all()


def test_flips_of_one_more_seed_extend_those_of_the_seeds_before():
    for last in (9, 20):
        before, now = (flip_signs(n, 17, 999, 0, size=last) for n in (7, 8))
        np.testing.assert_array_equal(now[:, :7], before[parent_flips(len(before), len(now))])


@pytest.mark.parametrize(("last", "seeds"), [(12, 7), (8, 6), (24, 8)])
def test_naming_starts_where_alpha_allows_one_flip(last, seeds):
    # by hand: 0.05 x 7/12 x 64 = 1.9 but 0.05 x 6/12 x 32 = 0.8; 0.05 x 6/8 x 32 = 1.2; 0.05 x 8/24 x 128 = 2.1
    assert first_naming(Looks(first=6, last=last), 0.05) == seeds


@pytest.mark.parametrize("hypotheses", [1, 6])
def test_few_studies_without_effects_name_anything_over_all_looks(hypotheses):
    generator, studies = np.random.default_rng(7), 1500
    false = sum(
        bool((sequence(generator.normal(size=(hypotheses, LAST))).naming(0.2).named_at <= LAST - FIRST).any())
        for _ in range(studies)
    )
    assert false / studies < 0.2 + 2.6 * math.sqrt(0.2 * 0.8 / studies)  # one in 200 by chance
    assert false / studies > 0.12  # alpha is spent, not lost


def test_boundaries_are_those_of_niseq():
    """niseq 0.0.2 (Veillette 2023) bounds one maximum by a quantile of N - 1 flips: one or two may differ."""
    sums = np.abs(np.cumsum(np.random.default_rng(11).normal(size=(2000, 10)), axis=1)[:, 5:])
    sums[0] = 0  # the observed statistic crosses nothing
    matrices = [sums[:, [look]].T for look in range(5)]
    analysis = GroupSequential(matrices, [np.arange(2000)] * 5, linear_shares(6, 10, 10))
    cuts = analysis.naming(0.2).boundaries[:, 0]
    # from find_thresholds with looks at 6 to 10 of 10, alpha 0.2 and tail 1: the adjusted alphas
    expected = [0.12, 0.0875, 0.091, 0.103, 0.1025]
    shares = [(column > cut).mean() for column, cut in zip(sums.T, cuts, strict=True)]
    assert shares == pytest.approx(expected, abs=2.5 / 2000)
