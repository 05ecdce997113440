"""Every branch of the verdict, on evidence put together by hand, and how many more seeds could decide."""

from dataclasses import replace

import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from ablate.inference.decision import Evidence, decide, more_seeds
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.inference import Effect, Interaction, SimpleEffect
from ablate.inference.inference import Test as Randomization
from ablate.inference.settings import InferenceSettings

KERNEL = FactorLevels("kernel", "kernel size", ("3", "1", "5"), "3")
MARGIN = InferenceSettings(margin=0.1)
SURE, UNSURE = 0.01, 0.4


def effect(level="1", estimate=0.3, equivalent=None, trend=None, blocks=5):
    return Effect(
        factor="kernel", contrast=f"{level} - 3", level=level, baseline="3", trend=trend, estimate=estimate,
        low=estimate - 0.2, high=estimate + 0.2, p=0.01, p_adjusted=0.01, n_blocks=blocks, n_runs=20, dropped=0,
        standardized=1.0, prob_improvement=0.5, equivalent=equivalent, by_block=(),
    )  # fmt: skip


def simple(at, estimate, p=SURE, level="1"):
    contrast = f"{level} - 3"
    return SimpleEffect("kernel", contrast, level, "3", "loss", at, estimate, estimate - 0.1, estimate + 0.1, p)


def pair(p_adjusted, *simple_effects, partner="loss", p=None):
    test = Randomization(p_adjusted if p is None else p, 0.001, "run", "exact")
    return Interaction(
        ("kernel", partner), ("kernel size", partner.upper()), test, p_adjusted, 0.3, ((0.0,),), simple_effects
    )


def verdict_of(p, *interactions, effects=None, settings=MARGIN):
    test = Randomization(p, 0.001, "run", "exact")
    effects = (effect(), effect("5")) if effects is None else effects
    return decide(Evidence(KERNEL, effects, test, p, interactions), settings, 6)


def test_a_factor_whose_own_test_is_significant_is_a_cause():
    assert verdict_of(SURE).verdict == "cause"


def test_significant_is_up_to_alpha_and_no_further():
    assert (verdict_of(0.05).verdict, verdict_of(0.0501).verdict) == ("cause", "undecided")


def test_an_effect_that_turns_round_at_another_level_acts_with_that_factor():
    verdict = verdict_of(SURE, pair(SURE, simple("bce", 0.3), simple("mse", -0.3)))
    assert (verdict.verdict, verdict.partners) == ("acts only with", ("loss",))


def test_an_effect_that_is_certain_at_one_level_only_acts_with_that_factor():
    verdict = verdict_of(SURE, pair(SURE, simple("bce", 0.3), simple("mse", 0.1, p=UNSURE)))
    assert (verdict.verdict, verdict.partners) == ("acts only with", ("loss",))


def test_an_effect_that_is_certain_at_every_level_in_one_direction_is_a_cause():
    assert verdict_of(SURE, pair(SURE, simple("bce", 0.3), simple("mse", 0.9))).verdict == "cause"


def test_one_contrast_that_holds_everywhere_is_enough():
    turning = [simple("bce", 0.3, level="5"), simple("mse", -0.3, level="5")]
    assert verdict_of(SURE, pair(SURE, simple("bce", 0.3), simple("mse", 0.9), *turning)).verdict == "cause"


def test_a_pair_without_simple_effects_acts_together():
    assert verdict_of(SURE, pair(SURE)).verdict == "acts only with"


def test_every_partner_is_named():
    assert verdict_of(UNSURE, pair(SURE), pair(SURE, partner="norm")).partners == ("loss", "norm")


def test_an_interaction_of_other_factors_says_nothing_of_this_one():
    unrelated = replace(pair(SURE), factors=("loss", "norm"))
    assert verdict_of(SURE, unrelated).verdict == "cause"


def test_effects_within_the_margin_are_no_cause():
    assert verdict_of(UNSURE, effects=(effect(equivalent=True), effect("5", equivalent=True))).verdict == "not a cause"


def test_one_effect_that_may_pass_the_margin_leaves_it_undecided():
    assert verdict_of(UNSURE, effects=(effect(equivalent=True), effect("5", equivalent=False))).verdict == "undecided"


def test_a_trend_need_not_lie_within_the_margin():
    effects = (effect(equivalent=True), effect(trend="linear", equivalent=False))
    assert verdict_of(UNSURE, effects=effects).verdict == "not a cause"


def test_one_seed_clears_nothing():
    assert verdict_of(None, effects=(effect(equivalent=True, blocks=1),)).verdict == "undecided"


def test_a_factor_without_any_effect_to_look_at_is_not_cleared():
    assert verdict_of(None, effects=()).verdict == "undecided"


def test_a_factor_under_suspicion_of_an_interaction_is_not_cleared():
    # Not significant in the family, but 0.02 in a family of its own pair alone.
    within = (effect(equivalent=True),)
    assert verdict_of(UNSURE, pair(0.2, p=0.02), effects=within).verdict == "undecided"
    assert verdict_of(UNSURE, pair(0.9, p=0.2), effects=within).verdict == "not a cause"


def test_a_significant_effect_within_the_margin_is_a_cause_all_the_same():
    assert verdict_of(SURE, effects=(effect(equivalent=True),)).verdict == "cause"


def test_seeds_are_asked_for_where_nothing_is_decided_and_only_there():
    assert verdict_of(UNSURE).more_seeds_needed > 0
    assert verdict_of(SURE).more_seeds_needed is None
    assert verdict_of(UNSURE, effects=(effect(equivalent=True),)).more_seeds_needed is None


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (verdict_of(SURE), "Its levels differ, averaged over the other factors, by more than chance explains."),
        (verdict_of(SURE, pair(SURE)), "Its effect depends on LOSS."),
        (verdict_of(UNSURE, effects=(effect(equivalent=True),)), "All its effects are within the margin."),
        (verdict_of(None, effects=()), "These runs allow no test of it."),
    ],
    ids=lambda case: str(getattr(case, "verdict", "")),
)
def test_the_reason_is_a_sentence(verdict, words):
    assert verdict.reason == words


def test_what_is_undecided_says_what_is_missing():
    assert "nor are they all within the margin; about" in verdict_of(UNSURE).reason
    assert "and no margin was set" in verdict_of(UNSURE, settings=InferenceSettings()).reason


def seen(estimate=1.0, spread=1.0, seeds=8, runs=None, trend=None):
    """Return an effect whose single seeds vary with the SD `spread`."""
    half = stats.t.ppf(0.975, seeds - 1) * spread / seeds**0.5
    return Effect(
        factor="a", contrast="1 - 0", level="1", baseline="0", trend=trend, estimate=estimate,
        low=estimate - half, high=estimate + half, p=0.5, p_adjusted=0.5, n_blocks=seeds, n_runs=runs or 2 * seeds,
        dropped=0, standardized=None, prob_improvement=None, equivalent=None, by_block=(),
    )  # fmt: skip


@pytest.mark.parametrize(("size", "family"), [(0.3, 1), (0.6, 4), (0.8, 6)])
def test_more_seeds_have_the_power_of_a_paired_t_test(size, family):
    seeds_needed = TTestPower().solve_power(effect_size=size, alpha=0.05 / family, power=0.8)
    more = more_seeds([seen(size)], "block", InferenceSettings(), family)
    assert more is not None
    assert more + 8 == pytest.approx(seeds_needed, abs=1.5)


def test_more_seeds_are_needed_for_a_smaller_effect():
    large, small = (more_seeds([seen(size)], "block", InferenceSettings(), 1) for size in (0.8, 0.4))
    assert large is not None
    assert small is not None
    assert small > large


def test_more_seeds_are_for_the_margin_where_the_effect_is_smaller():
    assert more_seeds([seen(0.01)], "block", InferenceSettings(margin=0.6), 1) == more_seeds(
        [seen(0.6)], "block", InferenceSettings(), 1
    )


def test_pairs_of_runs_alone_need_as_many_seeds_as_whole_seeds_can_reject_with():
    # 2^(1 - 10) <= 0.05 / 15 < 2^(1 - 9): ten seeds, however large the effect.
    assert more_seeds([seen(100.0, seeds=3)], "run", InferenceSettings(), 15) == 7


def test_no_number_of_seeds_is_named_that_nobody_would_run():
    assert more_seeds([seen(0.001)], "block", InferenceSettings(), 1) is None


def test_without_an_interval_no_number_of_more_seeds_is_given():
    assert more_seeds([], "block", InferenceSettings(), 1) is None


def test_more_seeds_are_not_for_a_trend():
    assert more_seeds([seen(trend="linear")], "block", InferenceSettings(), 1) is None
