"""Every branch of the verdict with its reason, on evidence made by hand, and how many more seeds could decide."""

from dataclasses import replace

import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from ablate.inference.contexts import ContextCheck
from ablate.inference.decision import Evidence, decide, more_seeds
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.family_tests import TWO_SEEDS, TestedHypothesis
from ablate.inference.hypotheses import ALIASED, Hypothesis
from ablate.inference.inference import Effect, Interaction, SimpleEffect
from ablate.inference.inference import Test as HypothesisTest
from ablate.inference.kind_of_test import KindOfTest
from ablate.inference.lost_runs import Bounds
from ablate.inference.settings import InferenceSettings

KERNEL = FactorLevels("kernel", "kernel size", ("3", "1", "5"), "3")
MARGIN = InferenceSettings(margin=0.1)
SURE, UNSURE = 0.01, 0.4
QUIET, LOUD = ContextCheck(0.4, 6), ContextCheck(0.01, 6)


def effect(level="1", estimate=0.3, equivalent=None, trend=None, blocks=8, p=SURE):
    return Effect(
        factor="kernel", contrast=f"{level} - 3", level=level, baseline="3", trend=trend, estimate=estimate,
        low=estimate - 0.2, high=estimate + 0.2, p=p, p_adjusted=p, freedom=blocks - 1.0, n_blocks=blocks, n_runs=20,
        standardized=1.0, prob_improvement=0.5, equivalent=equivalent, by_block=(),
    )  # fmt: skip


def simple(at, estimate, p=SURE, level="1"):
    contrast = f"{level} - 3"
    return SimpleEffect("kernel", contrast, level, "3", "loss", at, estimate, estimate - 0.1, estimate + 0.1, p)


def pair(p_adjusted, *simple_effects, partner="loss", p=None):
    test = HypothesisTest(p_adjusted if p is None else p, 0.001)
    return Interaction(
        ("kernel", partner), ("kernel size", partner.upper()), test, p_adjusted, 0.3, ((0.0,),), simple_effects
    )


def bounds(low, high, level="1"):
    return Bounds("kernel", f"{level} - 3", low + 0.1, high - 0.1, low, high, {"1": 0.4}, {"3": 0.4})


def with_p(p, untested="", *, is_trend=False):
    return TestedHypothesis(Hypothesis(("kernel",), (0,), is_trend), p, p, 0.001, untested)


def evidence_of(  # noqa: PLR0913  # all that a verdict rests on
    p, *interactions, effects=None, trend_p=None, check=QUIET, kind=KindOfTest.SEED_FLIPS, untested="", lost=(),
    untested_pairs=(), family_size=6, seeds=None,
):  # fmt: skip
    """Return evidence; `check` is the check of contexts, or a pair of checks with and without the mean effect."""
    with_mean, less_mean = check if isinstance(check, tuple) else (check, check)
    measured = (effect(), effect("5")) if effects is None else effects
    equivalent = [item.equivalent for item in measured if item.trend is None]
    return Evidence(
        factor=KERNEL,
        effects=measured,
        within_margin=None if not equivalent or None in equivalent else all(equivalent),
        main=with_p(p, untested),
        trend=None if trend_p is None else with_p(trend_p, is_trend=True),
        interactions=interactions,
        untested_pairs=untested_pairs,
        check_contexts=lambda removes_mean: less_mean if removes_mean else with_mean,
        bounds=lost,
        kind=kind,
        seeds=seeds or (4 if kind is KindOfTest.F_TEST else 8),
        family_size=family_size,
    )


def verdict_of(p, *interactions, settings=MARGIN, **evidence):
    return decide(evidence_of(p, *interactions, **evidence), settings)


WITHIN = (effect(equivalent=True), effect("5", equivalent=True))


def test_a_factor_whose_test_is_significant_is_a_cause():
    assert verdict_of(SURE).verdict == "cause"


def test_significant_is_up_to_alpha_and_no_further():
    assert (verdict_of(0.05).verdict, verdict_of(0.0501).verdict) == ("cause", "undecided")


def test_a_factor_whose_linear_trend_is_significant_is_a_cause():
    verdict = verdict_of(UNSURE, trend_p=SURE)
    assert (verdict.verdict, verdict.test.p, verdict.p_adjusted) == ("cause", SURE, SURE)


def test_an_effect_that_changes_its_sign_at_another_level_acts_with_that_factor():
    verdict = verdict_of(SURE, pair(SURE, simple("bce", 0.3), simple("mse", -0.3)))
    assert (verdict.verdict, verdict.partners) == ("acts only with", ("loss",))


def test_an_effect_that_is_certain_at_one_level_only_acts_with_that_factor():
    verdict = verdict_of(SURE, pair(SURE, simple("bce", 0.3), simple("mse", 0.1, p=UNSURE)))
    assert (verdict.verdict, verdict.partners) == ("acts only with", ("loss",))


def test_a_simple_effect_without_a_p_value_is_not_certain():
    verdict = verdict_of(SURE, pair(SURE, simple("bce", 0.3), simple("mse", 0.3, p=None)))
    assert verdict.verdict == "acts only with"


def test_an_effect_that_is_certain_at_every_level_in_one_direction_is_a_cause():
    verdict = verdict_of(SURE, pair(SURE, simple("bce", 0.3), simple("mse", 0.9)))
    assert (verdict.verdict, verdict.partners) == ("cause", ("loss",))


def test_one_contrast_that_holds_everywhere_is_enough():
    turning = [simple("bce", 0.3, level="5"), simple("mse", -0.3, level="5")]
    assert verdict_of(SURE, pair(SURE, simple("bce", 0.3), simple("mse", 0.9), *turning)).verdict == "cause"


def test_a_pair_without_simple_effects_acts_together():
    assert verdict_of(SURE, pair(SURE)).verdict == "acts only with"


def test_every_partner_is_named():
    assert verdict_of(UNSURE, pair(SURE), pair(SURE, partner="norm")).partners == ("loss", "norm")


def test_an_interaction_of_other_factors_says_nothing_about_this_factor():
    unrelated = replace(pair(SURE), factors=("loss", "norm"))
    assert verdict_of(SURE, unrelated).verdict == "cause"


def test_a_significant_effect_wholly_within_the_margin_is_negligible():
    assert verdict_of(SURE, effects=WITHIN).verdict == "negligible"


def test_one_significant_effect_beyond_the_margin_makes_a_cause():
    assert verdict_of(SURE, effects=(effect(equivalent=True), effect("5", equivalent=False))).verdict == "cause"


def test_a_significant_effect_without_a_margin_is_a_cause():
    assert verdict_of(SURE, settings=InferenceSettings()).verdict == "cause"


def test_an_effect_within_the_margin_whose_size_depends_on_a_partner_is_not_negligible():
    interaction = pair(SURE, simple("bce", 0.3), simple("mse", 0.9))
    assert verdict_of(SURE, interaction, effects=WITHIN).verdict == "cause"


def test_an_effect_within_the_margin_that_differs_between_contexts_is_not_negligible():
    # The check without the mean effect counts: a real mean effect is in every context.
    assert verdict_of(SURE, effects=WITHIN, check=(LOUD, QUIET)).verdict == "negligible"
    assert verdict_of(SURE, effects=WITHIN, check=(QUIET, LOUD)).verdict == "cause"


def test_effects_within_the_margin_and_quiet_contexts_are_not_a_cause():
    verdict = verdict_of(UNSURE, effects=WITHIN, check=(QUIET, LOUD))
    assert (verdict.verdict, verdict.context_check) == ("not a cause", QUIET)


def test_a_trend_need_not_be_within_the_margin():
    effects = (effect(equivalent=True), effect(trend="linear", equivalent=False))
    assert verdict_of(UNSURE, effects=effects).verdict == "not a cause"


def test_three_to_five_seeds_show_a_cause_in_these_seeds_only():
    assert verdict_of(SURE, kind=KindOfTest.F_TEST).verdict == "cause in these seeds"
    assert verdict_of(SURE, kind=KindOfTest.F_TEST, effects=WITHIN).verdict == "cause in these seeds"


def test_below_six_seeds_nothing_is_cleared():
    assert verdict_of(UNSURE, kind=KindOfTest.F_TEST, effects=WITHIN).verdict == "undecided"


def test_a_single_seed_shows_causes_and_clears_nothing():
    of_runs = {"kind": KindOfTest.RUN_FLIPS, "seeds": 1, "effects": WITHIN}
    assert [verdict_of(p, **of_runs).verdict for p in (SURE, UNSURE)] == ["cause", "undecided"]


def test_an_interaction_that_was_tested_is_no_reason_to_clear_before_it_is_above_alpha_among_its_factors_pairs():
    # Not significant in the family, but 0.02 among the pairs of this factor.
    assert verdict_of(UNSURE, pair(0.2, p=0.02), effects=WITHIN).verdict == "undecided"
    assert verdict_of(UNSURE, pair(0.9, p=0.2), effects=WITHIN).verdict == "not a cause"


def test_losses_that_could_have_made_every_significant_difference_leave_it_undecided():
    # Level 5 is not significant, so its bounds do not matter.
    effects = (effect(), effect("5", p=UNSURE))
    assert verdict_of(SURE, effects=effects, lost=(bounds(-0.2, 0.6), bounds(0.1, 0.6, "5"))).verdict == "undecided"


def test_one_significant_difference_that_losses_cannot_have_made_is_enough_for_a_cause():
    assert verdict_of(SURE, lost=(bounds(-0.2, 0.6), bounds(0.1, 0.6, "5"))).verdict == "cause"
    assert verdict_of(SURE, lost=(bounds(-0.2, 0.6),)).verdict == "cause"  # nothing was lost at level 5


def test_untested_pairs_stand_beside_every_verdict():
    for verdict in (
        verdict_of(SURE, untested_pairs=("loss",)),
        verdict_of(UNSURE, effects=WITHIN, untested_pairs=("loss",)),
        verdict_of(UNSURE, untested_pairs=("loss",)),
    ):
        assert verdict.untested_pairs == ("loss",)


UNDECIDED = {
    "losses": (
        verdict_of(SURE, lost=(bounds(-0.2, 0.6), bounds(-0.2, 0.6, "5"))),
        "Its levels differ, but runs were lost because of their response; bounds that allow for it include 0.",
    ),
    "no test": (verdict_of(None, effects=(), untested=ALIASED), f"There is no test of it: {ALIASED}."),
    "two seeds": (
        verdict_of(None, untested=TWO_SEEDS, kind=KindOfTest.F_TEST, effects=WITHIN),
        "There is no test of it: two seeds.",
    ),
    "few seeds": (
        verdict_of(UNSURE, kind=KindOfTest.F_TEST),
        "Its effects are not significant, and fewer than six seeds cannot show that an effect holds in other seeds.",
    ),
    "no margin": (
        verdict_of(UNSURE, effects=WITHIN, settings=InferenceSettings()),
        "Its effects are not significant, and no margin was set.",
    ),
    "no interval": (
        verdict_of(UNSURE, effects=(effect(equivalent=True), effect("5", equivalent=None))),
        "Its effects are not significant, and too few runs show whether they are within the margin.",
    ),
    "no effect": (
        verdict_of(UNSURE, effects=()),
        "Its effects are not significant, and too few runs show whether they are within the margin.",
    ),
    "beyond the margin": (
        verdict_of(UNSURE, effects=(effect(equivalent=True), effect("5", equivalent=False))),
        "Its effects are not significant, and not all of them are certain to be within the margin.",
    ),
    "may interact": (
        verdict_of(UNSURE, pair(0.2, p=0.02), effects=WITHIN),
        "All its effects are within the margin on average, but it may interact with LOSS.",
    ),
    "no matched runs": (
        verdict_of(UNSURE, effects=WITHIN, check=None),
        (
            "All its effects are within the margin on average, but too few runs of one seed differ in this factor "
            "alone, so effects at single levels of other factors cannot be ruled out."
        ),
    ),
    "a context": (
        verdict_of(UNSURE, effects=WITHIN, check=LOUD),
        (
            "All its effects are within the margin on average, but at some levels of the other factors the response "
            "changes by more than chance explains."
        ),
    ),
}


@pytest.mark.parametrize("case", UNDECIDED)
def test_the_undecided_have_the_reason_that_held(case):
    verdict, reason = UNDECIDED[case]
    assert (verdict.verdict, verdict.reason) == ("undecided", reason)


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (verdict_of(SURE), "Its levels differ, averaged over the other factors, by more than chance explains."),
        (verdict_of(SURE, pair(SURE)), "Its effect depends on LOSS."),
        (verdict_of(UNSURE, effects=WITHIN), "All its effects are within the margin, and no context shows an effect."),
        (verdict_of(SURE, effects=WITHIN), "It has an effect, and all its effects are within the margin."),
        (
            verdict_of(SURE, kind=KindOfTest.F_TEST),
            "Its levels differ in these seeds by more than chance explains; other seeds may differ.",
        ),
    ],
    ids=lambda case: str(getattr(case, "verdict", "")),
)
def test_every_other_verdict_has_its_reason(verdict, reason):
    assert verdict.reason == reason


def test_seeds_are_counted_for_the_undecided_alone():
    assert verdict_of(UNSURE).more_seeds_needed > 0
    assert verdict_of(SURE).more_seeds_needed is None
    assert verdict_of(UNSURE, effects=WITHIN).more_seeds_needed is None


def seen(estimate=1.0, spread=1.0, seeds=8, trend=None):
    """Return an effect whose seeds vary with the SD `spread`."""
    half = stats.t.ppf(0.975, seeds - 1) * spread / seeds**0.5
    return replace(
        effect(estimate=estimate, trend=trend, blocks=seeds, p=0.5), low=estimate - half, high=estimate + half
    )


def more(*effects, settings=InferenceSettings(), kind=KindOfTest.SEED_FLIPS, family=1):  # noqa: B008  # frozen
    return more_seeds(evidence_of(UNSURE, effects=effects, kind=kind, family_size=family), settings)


@pytest.mark.parametrize(("size", "family"), [(0.85, 1), (0.9, 4), (1.0, 6)])
def test_more_seeds_have_the_power_of_a_paired_t_test(size, family):
    seeds_needed = TTestPower().solve_power(effect_size=size, alpha=0.05 / family, power=0.8)
    assert more(seen(size), family=family) + 8 == pytest.approx(seeds_needed, abs=1.5)


def test_more_seeds_are_needed_for_a_smaller_effect():
    assert more(seen(0.86), family=6) > more(seen(1.2), family=6) > 0


def test_where_the_interval_includes_zero_more_seeds_are_those_for_the_margin():
    unclear, margin = seen(0.4), InferenceSettings(margin=1.2)
    assert more(unclear, settings=margin, family=6) == more(seen(1.2), family=6)


def test_where_the_interval_includes_zero_and_there_is_no_margin_no_number_of_seeds_is_given():
    assert more(seen(0.4)) is None


def test_however_large_an_effect_six_seeds_are_needed():
    assert more(seen(100.0, seeds=3), kind=KindOfTest.F_TEST) == 3


def test_no_number_of_seeds_is_named_that_nobody_would_run():
    assert more(seen(0.001), settings=InferenceSettings(margin=0.002)) is None


def test_without_an_interval_no_number_of_more_seeds_is_given():
    assert more() is None
    assert more(replace(seen(), low=None, high=None)) is None


def test_more_seeds_are_not_for_a_trend():
    assert more(seen(trend="linear")) is None


def test_more_seeds_are_not_for_runs_that_share_none():
    assert more(seen(), kind=KindOfTest.RUN_FLIPS) is None
