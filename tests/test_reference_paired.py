"""A factor of two levels is a paired comparison: checked against R's, Fisher's, SciPy's and statsmodels' numbers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special, stats
from statsmodels.stats.weightstats import ttost_paired

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.infer import infer
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings
from ablate.inference.tables import Columns, read_runs

REFERENCE = Path(__file__).parent / "reference"


def paired(first, second):
    """Return the table of a factor with the levels "first" and "second", the baseline; each value is a block."""
    runs = pd.DataFrame(
        {
            "arm": ["first"] * len(first) + ["second"] * len(second),
            "seed": [*range(len(first)), *range(len(second))],
            "response": [*first, *second],
        }
    )
    return RunTable.of(runs, [FactorLevels("arm", "arm", ("first", "second"), "second")], "seed")


def only(table, settings=None):
    """Return the one verdict and the one effect."""
    (verdict,) = infer(table, settings or InferenceSettings()).verdicts
    (effect,) = verdict.effects
    return verdict, effect


@pytest.fixture(scope="module")
def maize():
    columns = Columns("height", ("fertilisation",), "pair", baseline={"fertilisation": "selfed"})
    return read_runs(REFERENCE / "maize.csv", columns)


@pytest.fixture(scope="module")
def sleep():
    return read_runs(REFERENCE / "sleep.csv", Columns("extra", ("drug",), "subject", baseline={"drug": "2"}))


@pytest.fixture
def twenty():
    generator = np.random.default_rng(20)
    second = generator.normal(10, 3, 20)
    return second + generator.normal(0.3, 1, 20), second


def test_fishers_randomization_of_darwins_maize_is_met_exactly(maize):
    verdict, effect = only(maize)
    assert verdict.test.p == 1726 / 32768
    assert verdict.test.min_attainable_p == 2 / 2**15
    assert effect.contrast == "crossed - selfed"
    assert effect.estimate == pytest.approx(314 / 8 / 15)


def test_fisher_cannot_call_crossing_a_cause(maize):
    assert only(maize)[0].verdict == "undecided"
    assert only(maize, InferenceSettings(alpha=0.06))[0].verdict == "cause"


def test_rs_paired_t_interval_of_students_sleep_is_met(sleep):
    effect = only(sleep)[1]
    assert effect.contrast == "1 - 2"
    assert effect.estimate == pytest.approx(-1.58, abs=1e-12)
    assert (effect.low, effect.high) == (pytest.approx(-2.4598858, abs=5e-8), pytest.approx(-0.7001142, abs=5e-8))
    assert (effect.n_blocks, effect.n_runs) == (10, 20)


@pytest.mark.parametrize("alpha", [0.01, 0.1])
def test_intervals_at_other_levels_are_scipys(sleep, alpha):
    effect = only(sleep, InferenceSettings(alpha=alpha))[1]
    first, second = sleep.response[:10], sleep.response[10:]
    assert (effect.low, effect.high) == pytest.approx(
        tuple(stats.ttest_rel(first, second).confidence_interval(1 - alpha))
    )


def test_the_exact_p_of_the_sleep_data_is_scipys(sleep):
    difference = sleep.response[:10] - sleep.response[10:]
    test = stats.permutation_test((difference,), np.mean, permutation_type="samples", n_resamples=10_000)
    assert only(sleep)[0].test.p == test.pvalue == 4 / 1024


def test_the_share_of_better_pairs_counts_ties_half(sleep):
    assert only(sleep, InferenceSettings(higher_is_better=False))[1].prob_improvement == 9.5 / 10
    assert only(sleep, InferenceSettings(higher_is_better=True))[1].prob_improvement == 0.5 / 10


def test_the_standardized_effect_is_hedges_g(sleep):
    difference = sleep.response[:10] - sleep.response[10:]
    deviation = difference.std(ddof=1) / np.sqrt(2)  # of a run, about its arm and its subject
    unbiased = special.gamma(9 / 2) / (np.sqrt(9 / 2) * special.gamma(8 / 2))
    assert only(sleep)[1].standardized == pytest.approx(-1.58 / deviation * unbiased, rel=2e-3)


def test_drawn_relabelings_come_near_scipys(twenty):
    first, second = twenty
    test = stats.permutation_test(
        (first - second,), np.mean, permutation_type="samples", n_resamples=99_999, rng=np.random.default_rng(1)
    )
    verdict = only(paired(first, second))[0]
    assert verdict.test.p == pytest.approx(test.pvalue, rel=0.4)  # 100 hits at the least: 10 % is one standard error


def test_equivalence_changes_where_statsmodels_p_passes_alpha(twenty):
    first, second = twenty
    alpha = 0.05
    margin = optimize.brentq(
        lambda half_width: ttost_paired(first, second, -half_width, half_width)[0] - alpha, 0.01, 10
    )
    for factor, equivalent in ((1 - 1e-6, False), (1 + 1e-6, True)):
        verdict, effect = only(paired(first, second), InferenceSettings(alpha=alpha, margin=margin * factor))
        assert effect.equivalent is equivalent
        assert (verdict.verdict == "not a cause") is equivalent


def test_without_a_margin_nothing_is_said_of_equivalence(twenty):
    assert only(paired(*twenty))[1].equivalent is None


def test_one_pair_in_each_seed_has_students_interval(twenty):
    first, second = twenty
    effect = only(paired(first, second))[1]
    assert effect.freedom == pytest.approx(19)
    assert (effect.low, effect.high) == pytest.approx(tuple(stats.ttest_rel(first, second).confidence_interval()))


def test_intervals_stay_within_what_bounded_responses_can_differ_by():
    generator = np.random.default_rng(4)
    effect = only(paired(generator.uniform(0, 1, 4), generator.uniform(0, 1, 4)), InferenceSettings(bounds=(0, 1)))[1]
    assert -1 <= effect.low < effect.high <= 1
