"""The short sentence on each factor, from the effects of real inferences."""

from dataclasses import replace

import pytest

from ablate.analysis.factor_sentences import factor_sentences
from ablate.inference.infer import infer
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings
from ablate.inference.verdict import Verdict
from tests.two_factors import KERNEL, NORM, SEEDS, ghosts


@pytest.fixture(scope="module")
def runs():
    return ghosts()


@pytest.fixture(scope="module")
def inference(runs):
    return infer(RunTable.of(runs, (NORM, KERNEL), "seed"), InferenceSettings(margin=0.05))


def paired_difference(runs, level):
    """Return the mean difference of matched runs, by hand."""
    means = runs.pivot_table(index=["seed", "norm"], columns="kernel", values="response")
    return (means[level] - means["3"]).mean()


def test_the_factor_with_the_largest_effect_comes_first_with_the_mean_difference_of_its_pairs(runs, inference):
    kernel, norm = factor_sentences(inference, "ghost ratio", decided=True)
    assert (kernel.factor, norm.factor) == ("kernel", "norm")
    assert kernel.effect is not None
    assert kernel.effect.estimate == pytest.approx(paired_difference(runs, "1"))
    expected = f'kernel size is a cause: "1" instead of "3" changes the ghost ratio by {kernel.effect.estimate:+.3f} ['
    assert kernel.text.startswith(expected)
    assert kernel.text.endswith(f"], n = {SEEDS} seeds.")
    assert norm.text.startswith("normalization is not a cause: ")


def test_levels_with_smaller_effects_are_counted(inference):
    kernel, norm = factor_sentences(inference, "ghost ratio", decided=True)
    assert "1 other level with a smaller effect" in kernel.tags
    assert norm.tags == ()


def test_an_exploratory_study_gets_the_same_numbers_without_a_verdict(inference):
    decided = factor_sentences(inference, "ghost ratio", decided=True)
    estimates = factor_sentences(inference, "ghost ratio", decided=False)
    assert [sentence.evidence for sentence in estimates] == [sentence.evidence for sentence in decided]
    assert [(sentence.claim, sentence.verdict) for sentence in estimates] == [("", None), ("", None)]


def test_qualifiers_are_tags_and_end_the_text(inference):
    kernel = next(verdict for verdict in inference.verdicts if verdict.factor == "kernel")
    qualified = replace(kernel, exploratory="from this look on", weak_spot="few runs", untested_pairs=("norm",))
    (sentence,) = factor_sentences(replace(inference, verdicts=(qualified,)), "ghost ratio", decided=True)
    assert sentence.tags[1:] == ("exploratory", "weak spot of the method", "untested interaction")
    assert sentence.qualified_text.endswith("; exploratory; weak spot of the method; untested interaction).")


def test_a_factor_that_acts_only_with_another_names_it_and_says_that_the_effect_is_an_average(inference):
    norm = next(verdict for verdict in inference.verdicts if verdict.factor == "norm")
    acting = replace(norm, verdict=Verdict.ACTS_ONLY_WITH, partners=("kernel",))
    (sentence,) = factor_sentences(replace(inference, verdicts=(acting,)), "ghost ratio", decided=True)
    assert sentence.text.startswith("normalization acts only with kernel size: ")
    assert sentence.tags == ("average over all cells",)


def test_without_a_confidence_interval_the_sentence_says_so(inference):
    norm = next(verdict for verdict in inference.verdicts if verdict.factor == "norm")
    bare = replace(norm, effects=tuple(replace(effect, low=None, high=None) for effect in norm.effects))
    (sentence,) = factor_sentences(replace(inference, verdicts=(bare,)), "ghost ratio", decided=True)
    assert f"(no confidence interval), n = {SEEDS} seeds." in sentence.text


def test_without_an_estimate_the_sentence_has_the_reason(inference):
    norm = next(verdict for verdict in inference.verdicts if verdict.factor == "norm")
    empty = replace(norm, effects=(), verdict=Verdict.UNDECIDED, reason="These runs allow no test of it.")
    (sentence,) = factor_sentences(replace(inference, verdicts=(empty,)), "ghost ratio", decided=True)
    assert sentence.text == "normalization is undecided: no estimate; these runs allow no test of it."
