"""How a verdict is held to the truth."""

import numpy as np
import pytest

from ablate.inference.calibration.judge import judge
from ablate.inference.calibration.layout import Layout
from ablate.inference.calibration.scenarios import PlantedTruth, SimulatedStudy, Sizes, table_of
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.inference import Effect, FactorVerdict, Inference, Interaction
from ablate.inference.inference import Test as Randomization
from ablate.inference.kind_of_test import KindOfTest
from ablate.inference.settings import InferenceSettings
from ablate.inference.verdict import Verdict

LAYOUT = Layout.crossed((2, 2, 2), 2)
SIZES = Sizes(margin=0.5)
CAUSE = PlantedTruth(1.0 * LAYOUT.cells[:, 0], causes=(0,))
PAIR = PlantedTruth(np.prod(2.0 * LAYOUT.cells[:, :2] - 1, axis=1), pair=(0, 1))
NOTHING = PlantedTruth(np.zeros(8))


def effect(factor, estimate=0.0, low=-1.0, high=1.0, **other):
    p_adjusted, trend = other.get("p_adjusted", 1.0), other.get("trend")
    return Effect(
        factor=factor,
        contrast=other.get("contrast", "2 - 1"),
        level="2",
        baseline="1",
        trend=trend,
        estimate=estimate,
        low=low,
        high=high,
        p=p_adjusted,
        p_adjusted=p_adjusted,
        n_blocks=2,
        freedom=7.0,
        n_runs=16,
        standardized=None,
        prob_improvement=None,
        equivalent=None,
        by_block=(0.0, 0.0),
    )


def verdict(factor, kind, partners=(), effects=None):
    effects = (effect(factor),) if effects is None else effects
    return FactorVerdict(
        factor, factor, Verdict(kind), tuple(partners), effects, Randomization(0.5, 0.01), 0.5, None, ""
    )


def judged(planted, *verdicts, layout=LAYOUT, interactions=()):
    inference = Inference(
        settings=InferenceSettings(),
        kind=KindOfTest.SEED_FLIPS,
        factors=layout.factors,
        blocks=("0", "1"),
        verdicts=verdicts,
        interactions=tuple(interactions),
        importance=(),
        variance=None,
        mediation=(),
        failure_rates=(),
        failed=(),
        missing_cells=(),
        warnings=(),
    )
    table = table_of(layout, np.zeros((len(layout.cells), 2)))
    return judge(inference, SimulatedStudy(table, layout, planted, 0), SIZES)


def kinds(a, b, c, **partners):
    return [verdict(name, kind, partners.get(name, ())) for name, kind in zip("ABC", (a, b, c), strict=True)]


@pytest.mark.parametrize("kind", ["cause", "acts only with"])
def test_an_idle_factor_that_is_named_is_a_false_alarm(kind):
    assert judged(CAUSE, *kinds("cause", kind, "undecided")).false_alarm


@pytest.mark.parametrize("kind", ["undecided", "not a cause"])
def test_an_idle_factor_that_is_not_named_is_none(kind):
    assert not judged(CAUSE, *kinds("cause", kind, kind)).false_alarm


def test_a_cause_is_found_as_a_cause_only():
    assert judged(CAUSE, *kinds("cause", "cause", "undecided")).detected
    assert not judged(CAUSE, *kinds("acts only with", "undecided", "undecided")).detected
    assert not judged(CAUSE, *kinds("undecided", "undecided", "undecided")).detected


def test_a_pair_is_found_where_both_act_with_each_other():
    assert judged(PAIR, *kinds("acts only with", "acts only with", "undecided", A=["B"], B=["A"])).detected


@pytest.mark.parametrize(
    "verdicts",
    [
        kinds("cause", "cause", "undecided"),
        kinds("acts only with", "undecided", "undecided", A=["B"]),
        kinds("acts only with", "acts only with", "acts only with", A=["C"], B=["A"], C=["A"]),
    ],
)
def test_a_pair_named_otherwise_is_not_found(verdicts):
    assert not judged(PAIR, *verdicts).detected


def test_with_nothing_planted_nothing_is_found_or_cleared():
    detected = judged(NOTHING, *kinds("undecided", "not a cause", "undecided"))
    assert (detected.detected, detected.cleared, detected.false_alarm) == (None, None, False)


def test_a_factor_with_an_effect_past_the_margin_is_cleared_wrongly():
    assert judged(CAUSE, *kinds("not a cause", "undecided", "undecided")).cleared is True
    assert judged(CAUSE, *kinds("undecided", "not a cause", "undecided")).cleared is False


def test_an_effect_within_the_margin_may_be_cleared():
    small = PlantedTruth(0.4 * LAYOUT.cells[:, 0], causes=(0,))
    assert judged(small, *kinds("not a cause", "undecided", "undecided")).cleared is None


def test_a_factor_of_a_pair_is_cleared_wrongly_though_it_does_nothing_alone():
    assert judged(PAIR, *kinds("undecided", "not a cause", "undecided")).cleared is True


def test_an_interval_covers_the_true_effect_or_does_not():
    detected = judged(
        CAUSE,
        verdict("A", "cause", effects=(effect("A", 1.2, 0.9, 1.5),)),
        verdict("B", "undecided", effects=(effect("B", 0.3, 0.1, 0.5),)),
        verdict("C", "undecided", effects=(effect("C", 0.3, None, None),)),
    )
    assert (detected.covered, detected.intervals) == (1, 2)


def test_only_significant_effects_that_exist_can_have_the_wrong_sign():
    detected = judged(
        CAUSE,
        verdict("A", "cause", effects=(effect("A", -0.5, p_adjusted=0.01), effect("A", -0.5, p_adjusted=0.2))),
        verdict("B", "cause", effects=(effect("B", -0.5, p_adjusted=0.01),)),
        verdict("C", "undecided", effects=(effect("C", -0.5, p_adjusted=None),)),
    )
    assert (detected.wrong_sign, detected.signed) == (1, 1)


def test_a_trend_is_held_to_its_own_truth():
    layout = Layout((FactorLevels("k", "k", ("1", "2", "3"), "1", ordered=True),), np.array([[0], [1], [2]]), 2)
    trends = (
        effect("k", 2.0, 1.9, 2.1, contrast="3 - 1"),
        effect("k", 2.0, 1.9, 2.1, contrast="k: linear trend", trend="linear"),
        effect("k", 0.0, -0.1, 0.1, contrast="k: quadratic trend", trend="quadratic"),
    )
    detected = judged(
        PlantedTruth(np.array([0.0, 1, 2]), causes=(0,)), verdict("k", "cause", effects=trends), layout=layout
    )
    assert (detected.covered, detected.intervals, detected.false_alarm) == (3, 3, None)


def test_undecided_factors_are_counted():
    detected = judged(NOTHING, *kinds("undecided", "not a cause", "undecided"))
    assert (detected.undecided, detected.factors) == (2, 3)


def interaction(first, second, p_adjusted):
    return Interaction((first, second), (first, second), Randomization(0.5, 0.01), p_adjusted, 0.0, ((0.0,),), ())


def test_a_significant_pair_without_an_interaction_is_a_false_pair_and_no_false_factor():
    quiet = kinds("cause", "undecided", "undecided")
    detected = judged(CAUSE, *quiet, interactions=[interaction("A", "B", 0.04)])
    assert (detected.false_alarm, detected.false_main, detected.false_pair) == (True, False, True)
    assert judged(CAUSE, *quiet, interactions=[interaction("A", "B", 0.06)]).false_pair is False


def test_the_planted_pair_is_no_false_pair():
    verdicts = kinds("acts only with", "acts only with", "undecided", A=["B"], B=["A"])
    assert judged(PAIR, *verdicts, interactions=[interaction("A", "B", 0.01)]).false_alarm is False


def test_a_cause_in_these_seeds_is_no_false_cause_but_a_false_factor():
    detected = judged(CAUSE, *kinds("cause", "cause in these seeds", "undecided"))
    assert (detected.false_main, detected.false_cause) == (True, False)
    assert judged(CAUSE, *kinds("cause", "cause", "undecided")).false_cause is True


def test_a_cause_whose_intervals_hold_0_has_an_open_direction():
    holding, beyond = effect("A", 0.5, -0.1, 1.1), effect("B", 0.5, 0.1, 0.9)
    verdicts = (
        verdict("A", "cause", effects=(holding,)),
        verdict("B", "cause", effects=(beyond,)),
        verdict("C", "undecided", effects=(effect("C"),)),
    )
    detected = judged(NOTHING, *verdicts)
    assert (detected.open_direction, detected.claims) == (1, 2)


def test_effects_without_an_interval_are_counted():
    verdicts = (
        verdict("A", "undecided"),
        verdict("B", "undecided", effects=(effect("B", 0.3, None, None),)),
        verdict("C", "undecided"),
    )
    detected = judged(NOTHING, *verdicts)
    assert (detected.with_interval, detected.effects) == (2, 3)
