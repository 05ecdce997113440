"""What is counted over simulated studies, and how well a count is known."""

from dataclasses import asdict

import numpy as np
import pytest
from scipy import stats

from ablate.inference.calibration.campaign import Campaign
from ablate.inference.calibration.criteria import criteria
from ablate.inference.calibration.judge import Judgment
from ablate.inference.calibration.layout import Layout
from ablate.inference.calibration.rates import Rate, Rates, clopper_pearson, rate, rates
from ablate.inference.calibration.scenarios import Sizes
from ablate.inference.infer import infer
from ablate.inference.settings import InferenceSettings

ONES = np.ones(40, int)
RIGHT = Judgment(
    false_alarm=False,
    cleared=None,
    detected=True,
    covered=5,
    intervals=5,
    wrong_sign=0,
    signed=2,
    undecided=1,
    factors=4,
)


@pytest.mark.parametrize(("hits", "of"), [(0, 10), (3, 10), (10, 10), (41, 1000)])
def test_the_interval_of_a_share_is_clopper_pearsons(hits, of):
    known = stats.binomtest(hits, of).proportion_ci(0.95, "exact")
    assert clopper_pearson(float(hits), float(of)) == pytest.approx((known.low, known.high), abs=1e-9)


def test_a_share_counted_once_a_study_has_the_exact_interval():
    known = stats.binomtest(4, 40).proportion_ci(0.95, "exact")
    detected = rate(np.array([1] * 4 + [0] * 36), ONES)
    assert detected is not None
    assert (detected.share, detected.count, detected.of) == (0.1, 4, 40)
    assert (detected.low, detected.high) == pytest.approx((known.low, known.high))


def test_counts_that_agree_within_a_study_are_worth_one_each():
    detected = rate(5 * np.array([1] * 4 + [0] * 36), 5 * ONES)
    assert detected is not None
    # the variance of a share of n studies is p (1 - p) / (n - 1): one study less than the binomial's
    assert (detected.low, detected.high) == pytest.approx(clopper_pearson(0.1 * 39, 39.0))


def test_counts_that_are_independent_within_a_study_are_worth_them_all():
    drawn = np.random.default_rng(0).binomial(8, 0.95, 3_000)
    known = stats.binomtest(int(drawn.sum()), 24_000).proportion_ci(0.95, "exact")
    detected = rate(drawn, np.full(3_000, 8))
    assert detected is not None
    assert (detected.low, detected.high) == pytest.approx((known.low, known.high), abs=0.0005)


def test_intervals_of_shares_that_hang_together_cover_the_truth():
    draw = np.random.default_rng(1)
    chance = draw.beta(19, 1, (400, 200))
    detected = [rate(draw.binomial(8, study), np.full(200, 8)) for study in chance]
    covered = sum(share is not None and share.low <= 0.95 <= share.high for share in detected)
    assert stats.binomtest(covered, 400, 0.95, "less").pvalue > 0.001


def test_a_share_without_any_variation_is_known_as_well_as_the_studies_are_many():
    detected = rate(8 * ONES, 8 * ONES)
    assert detected is not None
    assert detected.low == pytest.approx(stats.binomtest(40, 40).proportion_ci(0.95, "exact").low)


def test_nothing_counted_is_no_rate():
    assert rate(0 * ONES, 0 * ONES) is None
    assert rates("one_cause", []) == Rates("one_cause", 0, None, None, None, None, None, None)


def test_only_studies_that_can_answer_are_counted():
    detected = rates("one_cause", [RIGHT, RIGHT])
    assert detected.cleared is None
    assert detected.detected is not None
    assert detected.coverage is not None
    assert detected.false_alarms is not None
    assert detected.undecided is not None
    assert (detected.detected.count, detected.detected.of, detected.false_alarms.count) == (2, 2, 0)
    assert (detected.coverage.count, detected.coverage.of, detected.undecided.share) == (10, 10, 0.25)


def campaign(sizes=Sizes(), levels=(3, 2, 2, 2), seeds=8):  # noqa: B008  # sizes are frozen
    return Campaign(Layout.crossed(levels, seeds), sizes, InferenceSettings(), infer)


def with_rate(scenario: str, field: str, low: float, high: float) -> dict[str, Rates]:
    known = asdict(rates(scenario, []))
    return {scenario: Rates(**known | {field: Rate((low + high) / 2, low, high, 1, 2)})}


@pytest.mark.parametrize(
    ("scenario", "field", "low", "high", "holds"),
    [
        ("no_effect", "false_alarms", 0.049, 0.08, True),
        ("no_effect", "false_alarms", 0.051, 0.08, False),
        ("pure_interaction", "detected", 0.80, 0.91, True),
        ("pure_interaction", "detected", 0.80, 0.89, False),
        ("one_cause", "coverage", 0.94, 0.95, True),
        ("one_cause", "coverage", 0.90, 0.929, False),
        ("one_cause", "coverage", 0.971, 0.99, False),
    ],
)
def test_a_criterion_is_violated_if_the_whole_interval_violates_it(scenario, field, low, high, holds):
    (criterion,) = criteria(with_rate(scenario, field, low, high), campaign())
    assert criterion.holds is holds


def test_a_pair_need_not_be_found_in_a_small_design_with_few_seeds_or_where_it_is_weak():
    detected = with_rate("pure_interaction", "detected", 0.2, 0.3)
    assert criteria(detected, campaign(levels=(2, 2, 2))) == ()
    assert criteria(detected, campaign(levels=(3, 3, 2, 2, 2), seeds=5)) == ()
    assert criteria(detected, campaign(Sizes(interaction=1.0))) == ()


def test_stress_scenarios_have_no_criterion():
    detected = with_rate("seed_dependent", "false_alarms", 0.9, 1.0) | with_rate("skewed", "coverage", 0.1, 0.2)
    assert criteria(detected, campaign()) == ()
