"""The sentences of an answer, on inferences made by hand."""

import math
from dataclasses import replace

import pytest

from ablate.analysis.answer import estimate_sentences
from ablate.analysis.verdict_sentences import verdict_sentences
from ablate.inference.cell_noise import LackOfFit
from ablate.inference.contexts import ContextCheck
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.inference import Effect, FactorVerdict, Inference, Interaction, SimpleEffect
from ablate.inference.inference import Test as HypothesisTest
from ablate.inference.kind_of_test import KindOfTest
from ablate.inference.settings import InferenceSettings
from ablate.inference.verdict import Verdict

KERNEL = FactorLevels("model.kernel", "state kernel", ("1", "3", "5"), "3", ordered=True)
LOSS = FactorLevels("loss", "loss", ("bce", "mse"), "bce")
HEAD = FactorLevels("model.head", "output head", ("frame", "conv3d"), "frame")
TEST = HypothesisTest(0.001, 0.001)


def effect(factor, level, estimate, half=0.01, p=0.004, trend=None):
    low, high = (None, None) if half is None else (estimate - half, estimate + half)
    name = f"{factor.title}: {trend} trend" if trend else f"{level} - {factor.baseline}"
    return Effect(
        factor.path,
        name,
        None if trend else level,
        None if trend else factor.baseline,
        trend,
        estimate,
        low,
        high,
        p=p,
        p_adjusted=p,
        freedom=7.0,
        n_blocks=8,
        n_runs=32,
        standardized=1.5,
        prob_improvement=0.1,
        equivalent=None,
        by_block=(estimate, math.nan),
    )


def verdict(factor, kind, *effects, partners=(), seeds=None, **more):
    return FactorVerdict(
        factor.path, factor.title, Verdict(kind), tuple(partners), effects, TEST, 0.004, seeds, "Why.", **more
    )


def inferred(*verdicts, interactions=(), margin=None, kind=KindOfTest.SEED_FLIPS, lack_of_fit=None):
    return Inference(
        settings=InferenceSettings(margin=margin),
        kind=kind,
        factors=(KERNEL, LOSS, HEAD),
        blocks=tuple(map(str, range(8))),
        verdicts=verdicts,
        interactions=interactions,
        importance=(),
        variance=None,
        mediation=(),
        failure_rates=(),
        failed=(),
        missing_cells=(),
        warnings=(),
        lack_of_fit=lack_of_fit,
    )


def sentences_of(*verdicts, **more):
    return verdict_sentences(inferred(*verdicts, **more), "ghost ratio")


def test_a_cause_comes_with_its_size_interval_adjusted_p_and_seeds():
    (sentence,) = sentences_of(verdict(LOSS, "cause", effect(LOSS, "mse", 0.3)))
    assert sentence == (
        'loss is a cause: "mse" instead of "bce" raises the ghost ratio by 0.300 [0.290, 0.310] '
        "(p (max-T) = 0.004, n = 8 seeds)."
    )


def test_a_lowering_turns_its_interval_round():
    (sentence,) = sentences_of(verdict(LOSS, "cause", effect(LOSS, "mse", -0.3)))
    assert "lowers the ghost ratio by 0.300 [0.290, 0.310]" in sentence


def test_few_seeds_are_adjusted_by_holm():
    (sentence,) = sentences_of(verdict(LOSS, "cause in these seeds", effect(LOSS, "mse", 0.3)), kind=KindOfTest.F_TEST)
    assert sentence.startswith("loss is a cause in these seeds: ")
    assert "(p (Holm) = 0.004, n = 8 seeds)" in sentence


def test_runs_that_share_no_seed_are_counted_as_runs():
    (sentence,) = sentences_of(verdict(LOSS, "cause", effect(LOSS, "mse", 0.3)), kind=KindOfTest.RUN_FLIPS)
    assert sentence.endswith("(p (max-T) = 0.004, n = 32 runs).")


def test_a_cause_whose_interval_includes_zero_says_that_size_and_direction_are_open():
    (sentence,) = sentences_of(verdict(LOSS, "cause", effect(LOSS, "mse", -0.3, half=0.5)))
    assert sentence == (
        'loss is a cause: "mse" instead of "bce" changes the ghost ratio by -0.300 [-0.800, +0.200] '
        "(p (max-T) = 0.004, n = 8 seeds); the confidence interval includes 0, so the size and the direction of the "
        "effect are open."
    )


def test_a_level_whose_interval_includes_zero_is_named_beside_one_whose_interval_does_not():
    effects = effect(KERNEL, "1", 0.3), effect(KERNEL, "5", 0.2, half=0.5)
    (sentence,) = sentences_of(verdict(KERNEL, "cause", *effects))
    assert sentence.endswith(
        'the confidence interval of "5" includes 0, so the size and the direction of the effect are open.'
    )


def test_a_cause_without_an_interval_says_nothing_about_one():
    (sentence,) = sentences_of(verdict(LOSS, "cause in these seeds", effect(LOSS, "mse", 0.3, half=None)))
    assert "interval" not in sentence


def test_a_trend_whose_interval_includes_zero_has_no_direction():
    trend = effect(KERNEL, None, -0.4, half=0.5, trend="linear")
    (sentence,) = sentences_of(verdict(KERNEL, "cause", effect(KERNEL, "1", 0.3), trend))
    assert "from its lower to its higher levels the ghost ratio changes by -0.400 [-0.900, +0.100]" in sentence


def test_pairs_that_could_not_be_tested_stand_beside_a_verdict():
    cause = verdict(LOSS, "cause", effect(LOSS, "mse", 0.3), untested_pairs=(KERNEL.path, HEAD.path))
    (sentence,) = sentences_of(cause)
    assert sentence.endswith("Its interaction with state kernel and output head could not be tested.")


def test_what_qualifies_a_verdict_follows_it():
    cause = verdict(LOSS, "cause", effect(LOSS, "mse", 0.3), exploratory="all runs have one seed", weak_spot="noise")
    (sentence,) = sentences_of(cause)
    assert sentence.endswith(" Exploratory: all runs have one seed. Weak spot: noise.")


@pytest.mark.parametrize(("p", "is_mentioned"), [(0.01, True), (0.2, False)])
def test_a_lack_of_fit_says_that_three_or_more_factors_act_together(p, is_mentioned):
    cause = verdict(LOSS, "cause", effect(LOSS, "mse", 0.3))
    sentences = sentences_of(cause, lack_of_fit=LackOfFit(p, 4, 40))
    assert any(sentence.startswith("Three or more factors act together: ") for sentence in sentences) is is_mentioned


def test_a_level_of_a_cause_that_may_do_nothing_is_not_named():
    (sentence,) = sentences_of(verdict(KERNEL, "cause", effect(KERNEL, "1", 0.3), effect(KERNEL, "5", 0.1, p=0.2)))
    assert '"1" instead of "3"' in sentence
    assert '"5" instead of "3"' not in sentence


def test_a_cause_none_of_whose_levels_is_sure_alone_says_so():
    (sentence,) = sentences_of(verdict(KERNEL, "cause", effect(KERNEL, "1", 0.3, p=0.2)))
    assert (
        "differs between its levels (all levels: p (max-T) = 0.004), but no single level differs significantly"
    ) in sentence


def test_a_trend_is_told_in_its_direction():
    trend = effect(KERNEL, None, -0.4, trend="linear")
    (sentence,) = sentences_of(verdict(KERNEL, "cause", effect(KERNEL, "1", 0.3), trend))
    assert "from its lower to its higher levels the ghost ratio falls by 0.400 [0.390, 0.410]" in sentence


def test_more_levels_than_a_sentence_holds_are_counted():
    many = replace(KERNEL, levels=tuple("123456"))
    effects = [effect(many, level, 0.1 * int(level)) for level in "12456"]
    (sentence,) = sentences_of(verdict(many, "cause", *effects))
    assert sentence.endswith("2 more levels in the table.")


def test_a_cause_that_also_interacts_says_with_what():
    (sentence,) = sentences_of(verdict(LOSS, "cause", effect(LOSS, "mse", 0.3), partners=[KERNEL.path]))
    assert sentence.endswith("the size of the effect depends on state kernel.")


def crossing(at_frame, at_conv3d):
    simple = tuple(
        SimpleEffect(LOSS.path, "mse - bce", "mse", "bce", HEAD.path, at, value, value - 0.1, value + 0.1, 0.01)
        for at, value in (("frame", at_frame), ("conv3d", at_conv3d))
    )
    means = ((0.1, 0.2), (0.3, 0.1))
    return Interaction((LOSS.path, HEAD.path), (LOSS.title, HEAD.title), TEST, 0.0002, 0.8, means, simple)


def test_acts_only_with_names_the_partner_and_the_effect_at_its_levels():
    acts = verdict(LOSS, "acts only with", effect(LOSS, "mse", 0.0, p=0.9), partners=[HEAD.path])
    (sentence,) = sentences_of(acts, interactions=(crossing(-0.2, 0.4),))
    assert sentence == (
        'loss acts only with output head (interaction: p (max-T) < 0.001): "mse" instead of "bce" raises the ghost '
        'ratio by 0.400 [0.300, 0.500] with output head "conv3d", and lowers the ghost ratio by 0.200 [0.100, 0.300] '
        'with output head "frame".'
    )


def test_a_simple_effect_whose_interval_includes_zero_says_so():
    acts = verdict(LOSS, "acts only with", effect(LOSS, "mse", 0.0, p=0.9), partners=[HEAD.path])
    (sentence,) = sentences_of(acts, interactions=(crossing(0.02, 0.4),))
    assert sentence.endswith(
        'changes the ghost ratio by +0.020 [-0.080, +0.120] with output head "frame", where the effect may be 0.'
    )


def test_not_a_cause_names_the_margin_and_the_largest_effect():
    (sentence,) = sentences_of(verdict(LOSS, "not a cause", effect(LOSS, "mse", -0.003)), margin=0.02)
    assert "loss is not a cause: all differences between its levels in the ghost ratio are within ±0.02" in sentence
    assert '(largest from the baseline: "mse" vs "bce", -0.0030' in sentence


def test_what_a_check_of_contexts_would_have_noticed_is_part_of_not_a_cause():
    check = ContextCheck(0.4, 6, shift=0.04, power=0.87)
    (sentence,) = sentences_of(
        verdict(LOSS, "not a cause", effect(LOSS, "mse", -0.003), context_check=check), margin=0.02
    )
    assert "This holds on average; a single one of its 6 contexts that moves by 0.0400" in sentence
    assert sentence.endswith("would have been noticed in 87 % of such studies.")


def test_the_undecided_says_its_reason_and_how_many_seeds_a_new_study_needs():
    (sentence,) = sentences_of(verdict(LOSS, "undecided", effect(LOSS, "mse", 0.05, half=0.02, p=0.3), seeds=6))
    assert sentence.startswith('loss is undecided: "mse" instead of "bce" changes the ghost ratio by +0.050')
    assert sentence.endswith(
        "Why. If the effect is as large as it looks now, a new study with about 14 seeds has an 80 % chance to find it."
    )


def test_where_the_interval_includes_zero_seeds_are_those_for_an_effect_as_large_as_the_margin():
    undecided = verdict(LOSS, "undecided", effect(LOSS, "mse", 0.05, half=0.1, p=0.3), seeds=6)
    (sentence,) = sentences_of(undecided, margin=0.1)
    assert sentence.endswith(
        "If it is as large as the margin, a new study with about 14 seeds has an 80 % chance to find it."
    )


def test_the_undecided_for_which_no_number_of_seeds_is_known_promises_none():
    undecided = verdict(LOSS, "undecided", effect(LOSS, "mse", 0.05, half=None, p=None))
    (sentence,) = sentences_of(replace(undecided, p_adjusted=None))
    assert "new study" not in sentence
    assert "p (max-T)" not in sentence


def test_verdicts_come_causes_first_and_the_undecided_last():
    sentences = sentences_of(
        verdict(HEAD, "undecided", effect(HEAD, "conv3d", 0.9)),
        verdict(LOSS, "not a cause", effect(LOSS, "mse", 0.001)),
        verdict(KERNEL, "cause", effect(KERNEL, "1", 0.3)),
        margin=0.02,
    )
    assert sentences[0] == "state kernel is a cause of the ghost ratio; loss is not a cause; output head is undecided."
    assert [sentence.split(" is")[0] for sentence in sentences[1:]] == ["state kernel", "loss", "output head"]


def test_where_nothing_is_a_cause_the_first_sentence_says_so():
    sentences = sentences_of(
        verdict(HEAD, "undecided", effect(HEAD, "conv3d", 0.9)), verdict(LOSS, "undecided", effect(LOSS, "mse", 0.1))
    )
    assert sentences[0] == ("No factor is found to be a cause of the ghost ratio; output head and loss are undecided.")


@pytest.mark.parametrize(
    ("word", "text"),
    [
        (Verdict.CAUSE_IN_THESE_SEEDS, "loss is a cause in these seeds: "),
        (
            Verdict.NEGLIGIBLE,
            "loss has a negligible effect: all differences between its levels in the ghost ratio are within ±0.5 ",
        ),
    ],
)
def test_causes_in_these_seeds_and_negligible_effects_have_their_sentences(word, text):
    (sentence,) = sentences_of(verdict(LOSS, word, effect(LOSS, "mse", 0.3)), margin=0.5)
    assert sentence.startswith(text)


def test_the_headline_lists_every_verdict_in_its_own_words():
    factors = [replace(LOSS, path=str(word), title=f"F{place}") for place, word in enumerate(Verdict)]
    pairs = zip(factors, Verdict, strict=True)
    headline, *_ = sentences_of(
        *(verdict(factor, word, effect(factor, "mse", 0.3)) for factor, word in pairs), margin=0.5
    )
    assert headline == (
        "F0 is a cause of the ghost ratio; F1 is a cause of the ghost ratio in these seeds; "
        "F2 acts only with another factor; F3 is negligible; F4 is not a cause; F5 is undecided."
    )


@pytest.mark.parametrize("kind", list(Verdict))
def test_an_exploratory_study_names_no_cause(kind):
    factor_verdict = verdict(LOSS, kind, effect(LOSS, "mse", 0.3), partners=[HEAD.path])
    sentences = estimate_sentences(inferred(factor_verdict, margin=0.5), "ghost ratio")
    assert "cause" not in " ".join(sentences)
    assert (
        'loss "mse" instead of "bce" raises the ghost ratio by 0.300 [0.290, 0.310] in this study (n = 8 seeds).'
        in sentences
    )


def test_an_exploratory_study_whose_runs_share_no_seed_counts_runs():
    factor_verdict = verdict(LOSS, "undecided", effect(LOSS, "mse", 0.3))
    runs = factor_verdict.effects[0].n_runs
    inference = replace(inferred(factor_verdict), kind=KindOfTest.RUN_FLIPS)
    assert f"in this study (n = {runs} runs)." in estimate_sentences(inference, "ghost ratio")[0]


def test_an_exploratory_interval_around_zero_leaves_the_sign_uncertain():
    factor_verdict = verdict(LOSS, "undecided", effect(LOSS, "mse", 0.05, half=0.1))
    sentences = estimate_sentences(inferred(factor_verdict), "ghost ratio")
    assert 'No confidence interval excludes 0, so even the sign of these effects is uncertain: loss "mse".' in sentences
    assert not any("raises" in sentence or "lowers" in sentence for sentence in sentences)


def test_an_exploratory_study_names_its_strongest_interaction():
    factor_verdict = verdict(LOSS, "undecided", effect(LOSS, "mse", 0.3))
    sentences = estimate_sentences(inferred(factor_verdict, interactions=(crossing(0.1, 0.4),)), "ghost ratio")
    assert (
        "The strongest interaction is between loss and output head (partial eta squared 0.80, p (max-T) < 0.001)."
        in sentences
    )
