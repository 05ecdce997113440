"""The answer to a study's question: verdicts where the study may decide, estimates where it is exploratory."""

from collections.abc import Iterator
from itertools import chain

from ablate.analysis.analysis import Analysis
from ablate.analysis.phrases import (
    chance,
    counted,
    decimals,
    effect_digits,
    excludes_zero,
    listed,
    number_text,
    size,
    verb,
)
from ablate.analysis.verdict_sentences import differences, number_of_units, verdict_sentences
from ablate.inference.inference import Effect, Inference

SPELLED_OUT = 5  # effects; longer lists are easier to read in the table
EXPLORATORY = (
    "This study is exploratory and decides nothing: it shows what to test next. "
    "ablate plan shows which design and how many seeds can decide."
)


def answer(analysis: Analysis) -> tuple[str, ...]:
    """Return the answer in sentences, the most important first: verdicts, or the estimates of an exploratory study."""
    return (*([EXPLORATORY] if analysis.exploratory else []), *conclusions(analysis))


def conclusions(analysis: Analysis) -> tuple[str, ...]:
    """Return the answer without the sentence that the study is exploratory."""
    if not any(verdict.effects for verdict in analysis.inference.verdicts):
        return (_no_comparison(analysis),)
    sentences = estimate_sentences if analysis.exploratory else verdict_sentences
    return (
        *sentences(analysis.inference, analysis.response.metric.title),
        *chain.from_iterable(sentences(judged.inference, judged.metric.title) for judged in analysis.judged),
    )


def _no_comparison(analysis: Analysis) -> str:
    response, defined = analysis.response.metric.title, [cell for cell in analysis.cells if cell.defined]
    if not defined:
        return f"No run has a defined {response}, so no effect can be estimated."
    if len(analysis.cells) == 1:
        cell = defined[0]
        digits = decimals(cell.mean)
        return (
            f"The study has no factors. Its mean {response} is {number_text(cell.mean, digits)} "
            f"(n = {counted(cell.defined, 'run')})."
        )
    return f"No two runs with a {response} differ in one level only, so no effect can be estimated yet."


def estimate_sentences(inference: Inference, response: str) -> tuple[str, ...]:
    """Return the largest effects, the strongest interaction, and how reliable they are, without any verdict."""
    return (*_effects(inference, response), *_strongest_interaction(inference), *_multiplicity(inference))


def _effects(inference: Inference, response: str) -> Iterator[str]:
    effects = [effect for verdict in inference.verdicts for effect in differences(verdict)]
    effects.sort(key=lambda effect: -abs(effect.estimate))
    titles = {factor.path: factor.title for factor in inference.factors}
    nonzero = [effect for effect in effects if excludes_zero(effect)]
    uncertain = [effect for effect in effects if excludes_zero(effect) is False]
    listed_effects = nonzero or [effect for effect in effects if excludes_zero(effect) is None]
    for effect in listed_effects[:SPELLED_OUT]:
        yield _effect(effect, inference, titles[effect.factor], response)
    if (more := len(listed_effects) - SPELLED_OUT) > 0:
        yield f"{counted(more, 'smaller effect')} {'is' if more == 1 else 'are'} in the table of effects."
    if uncertain:
        names = listed([f'{titles[effect.factor]} "{effect.level}"' for effect in uncertain])
        yield (
            f"The confidence intervals of these effects include 0, so even their sign is uncertain: {names}."
            if nonzero
            else f"No confidence interval excludes 0, so even the sign of these effects is uncertain: {names}."
        )


def _effect(effect: Effect, inference: Inference, title: str, response: str) -> str:
    return (
        f'{title} "{effect.level}" instead of "{effect.baseline}" {verb(effect)} the {response} by '
        f"{size(effect, effect_digits(inference))} in this study ({number_of_units(effect, inference)})."
    )


def _strongest_interaction(inference: Inference) -> Iterator[str]:
    tested = [interaction for interaction in inference.interactions if interaction.p_adjusted is not None]
    if tested:
        strongest = max(tested, key=lambda interaction: interaction.partial_eta_sq)
        yield (
            f"The strongest interaction is between {listed(strongest.titles)} "
            f"(partial eta squared {strongest.partial_eta_sq:.2f}, "
            f"p ({inference.adjustment}) {chance(strongest.p_adjusted or 0.0)})."
        )


def _multiplicity(inference: Inference) -> Iterator[str]:
    intervals = sum(effect.low is not None for verdict in inference.verdicts for effect in verdict.effects)
    if intervals > 1:
        yield (
            f"The {intervals} confidence intervals are not corrected for multiple comparisons: "
            "expect some to miss the true effect by chance."
        )
