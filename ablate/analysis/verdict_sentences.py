"""Sentences on the factors of a study: one for each, which claims no more than was tested."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import assert_never

from scipy.special import stdtrit

from ablate.analysis.phrases import (
    chance,
    counted,
    decimals,
    effect_digits,
    excludes_zero,
    listed,
    number_text,
    percent,
    signed,
    size,
    verb,
)
from ablate.inference.inference import Effect, FactorVerdict, Inference, Interaction, SimpleEffect
from ablate.inference.kind_of_test import KindOfTest
from ablate.inference.lost_runs import Bounds
from ablate.inference.verdict import Verdict

SPELLED_OUT = 3  # levels of one factor; a longer sentence is not read, and the table has them all


def verdict_sentences(inference: Inference, response: str) -> tuple[str, ...]:
    """Return one sentence for each factor, in the order of `ranked`; `response` is its title.

    Where there are several factors, a first sentence lists the verdicts. p-values are adjusted over the family. A last
    sentence says so where three or more factors act together.
    """
    sentences = tuple(_qualified(verdict, inference, response) for verdict in ranked(inference))
    headline = () if len(sentences) == 1 else (_headline(inference, response),)
    return (*headline, *sentences, *_beyond_pairs(inference, response))


def ranked(inference: Inference) -> list[FactorVerdict]:
    """Return the verdicts in the order of `Verdict`; those with equal words by their largest effect, descending."""
    order = list(Verdict)
    return sorted(inference.verdicts, key=lambda factor: (order.index(factor.verdict), -_largest_estimate(factor)))


def differences(verdict: FactorVerdict) -> list[Effect]:
    """Return a factor's differences between a level and the baseline, the largest first."""
    effects = [effect for effect in verdict.effects if effect.trend is None]
    return sorted(effects, key=lambda effect: -abs(effect.estimate))


def _headline(inference: Inference, response: str) -> str:
    titles = {word: [factor.title for factor in ranked(inference) if factor.verdict is word] for word in Verdict}
    causes = titles[Verdict.CAUSE] + titles[Verdict.CAUSE_IN_THESE_SEEDS]
    parts = [] if causes else [f"No factor is found to be a cause of the {response}"]
    parts += [
        f"{listed(names)} {_predicate(word, len(names) > 1, response)}" for word, names in titles.items() if names
    ]
    return f"{'; '.join(parts)}."


def _predicate(word: Verdict, plural: bool, response: str) -> str:  # noqa: FBT001  # grammatical number
    be = "are" if plural else "is"
    a_cause = "causes" if plural else "a cause"
    match word:
        case Verdict.CAUSE:
            return f"{be} {a_cause} of the {response}"
        case Verdict.CAUSE_IN_THESE_SEEDS:
            return f"{be} {a_cause} of the {response} in these seeds"
        case Verdict.ACTS_ONLY_WITH:
            return "act only with other factors" if plural else "acts only with another factor"
        case Verdict.NEGLIGIBLE | Verdict.UNDECIDED:
            return f"{be} {word}"
        case Verdict.NOT_A_CAUSE:
            return f"{be} not {a_cause}"
        case unknown:
            assert_never(unknown)


def _qualified(verdict: FactorVerdict, inference: Inference, response: str) -> str:
    """Return the sentence on a factor, with what qualifies its verdict and the pairs that could not be tested."""
    sentences = [_sentence(verdict, inference, response)]
    if verdict.untested_pairs and verdict.verdict is not Verdict.UNDECIDED:
        partners = listed(_titles(inference, verdict.untested_pairs))
        sentences.append(f"Its interaction with {partners} could not be tested.")
    return " ".join([*sentences, *qualifiers(verdict)])


def qualifiers(verdict: FactorVerdict) -> Iterator[str]:
    """Yield a sentence for everything that qualifies a verdict."""
    if verdict.exploratory:
        yield f"Exploratory: {verdict.exploratory.removesuffix('.')}."
    if verdict.weak_spot:
        yield f"Weak spot: {verdict.weak_spot}."
    for bounds in verdict.bounds:
        yield _bounds(bounds)


def _bounds(bounds: Bounds) -> str:
    """Say between which bounds an effect lies if the runs that were lost by their response are allowed for."""
    lost = ", ".join(f'"{level}" {percent(round(share, 2))}' for level, share in bounds.lost.items())
    largest = max(abs(end) for end in (bounds.lower, bounds.upper))
    digits = 1 + decimals(largest)  # as many as for effects of this size
    lower, upper, low, high = (
        number_text(end, digits, signed=True) for end in (bounds.lower, bounds.upper, bounds.low, bounds.high)
    )
    return (
        f"Runs were lost because of their response ({lost}); allowing for them, {bounds.contrast} lies between {lower} "
        f"and {upper} [{low}, {high}]."
    )


def _beyond_pairs(inference: Inference, response: str) -> Iterator[str]:
    fit = inference.lack_of_fit
    if fit is not None and fit.p <= inference.settings.alpha:
        numeric = [factor.title for factor in inference.factors if factor.numeric]
        meaning = "Three or more factors act together"
        if numeric:
            curved = f"The trend of {listed(numeric)} is not linear"
            meaning = f"{curved}, or {meaning.lower()}" if len(inference.factors) > 2 else curved  # noqa: PLR2004  # three may act together
        yield (
            f"{meaning}: main effects and interactions of two factors do not explain the {response} of all cells "
            f"(F({fit.numerator_df}, {fit.denominator_df}), p {chance(fit.p)})."
        )


def _sentence(verdict: FactorVerdict, inference: Inference, response: str) -> str:
    match verdict.verdict:
        case Verdict.CAUSE | Verdict.CAUSE_IN_THESE_SEEDS:
            return _cause(verdict, inference, response)
        case Verdict.ACTS_ONLY_WITH:
            return _acts_only_with(verdict, inference, response)
        case Verdict.NEGLIGIBLE | Verdict.NOT_A_CAUSE:
            return _equivalent(verdict, inference, response)
        case Verdict.UNDECIDED:
            return _undecided(verdict, inference, response)
        case unknown:
            assert_never(unknown)


def _cause(verdict: FactorVerdict, inference: Inference, response: str) -> str:
    alpha, digits = inference.settings.alpha, effect_digits(inference)
    significant = [effect for effect in differences(verdict) if _is_significant(effect, alpha)]
    parts = [_change(effect, response, digits, inference) for effect in significant[:SPELLED_OUT]]
    parts = parts or [_no_significant_level(verdict, response, inference)]
    if (more := len(significant) - SPELLED_OUT) > 0:
        parts.append(f"{counted(more, 'more level')} in the table")
    parts += [
        _trend(effect, response, digits)
        for effect in verdict.effects
        if effect.trend == "linear" and _is_significant(effect, alpha)
    ]
    if verdict.partners:
        parts.append(f"the size of the effect depends on {listed(_titles(inference, verdict.partners))}")
    if unclear := [effect for effect in significant if excludes_zero(effect) is False]:
        of_levels = "" if len(unclear) == len(significant) else f" of {listed([_quoted(effect) for effect in unclear])}"
        parts.append(
            f"the confidence interval{of_levels} includes 0, so the size and the direction of the effect are open"
        )
    return f"{verdict.title} is a {verdict.verdict}: {'; '.join(parts)}."


def _quoted(effect: Effect) -> str:
    return f'"{effect.level}"'


def _is_significant(effect: Effect, alpha: float) -> bool:
    return effect.p_adjusted is not None and effect.p_adjusted <= alpha


def _change(effect: Effect, response: str, digits: int, inference: Inference) -> str:
    levels, evidence = compared(effect, inference), _evidence(effect, inference)
    if excludes_zero(effect) is False:  # the test is significant, but the interval does not show the direction
        return f"{levels} changes the {response} by {signed(effect, digits)} ({evidence})"
    return f"{levels} {verb(effect)} the {response} by {size(effect, digits)} ({evidence})"


def compared(effect: Effect, inference: Inference) -> str:
    """Return the two levels of an effect; those of a numeric factor are ends of a fitted trend."""
    is_trend = any(factor.numeric for factor in inference.factors if factor.path == effect.factor)
    levels = f'"{effect.level}" instead of "{effect.baseline}"'
    return f"{levels}, along a fitted trend," if is_trend else levels


def _no_significant_level(verdict: FactorVerdict, response: str, inference: Inference) -> str:
    p = "" if verdict.p_adjusted is None else f" (all levels: p ({inference.adjustment}) {chance(verdict.p_adjusted)})"
    return f"the {response} differs between its levels{p}, but no single level differs significantly from the baseline"


def _trend(effect: Effect, response: str, digits: int) -> str:
    if excludes_zero(effect) is False:
        return f"from its lower to its higher levels the {response} changes by {signed(effect, digits)}"
    direction = "rises" if effect.estimate > 0 else "falls"
    return f"from its lower to its higher levels the {response} {direction} by {size(effect, digits)}"


def _acts_only_with(verdict: FactorVerdict, inference: Inference, response: str) -> str:
    parts = [
        _with_partner(verdict, interaction, partner, inference, response)
        for partner in verdict.partners
        for interaction in inference.interactions
        if set(interaction.factors) == {verdict.factor, partner}
    ]
    return f"{verdict.title} acts only with {'; and with '.join(parts)}."


def _with_partner(
    verdict: FactorVerdict, interaction: Interaction, partner: str, inference: Inference, response: str
) -> str:
    (title,) = _titles(inference, [partner])
    p = (
        ""
        if interaction.p_adjusted is None
        else f" (interaction: p ({inference.adjustment}) {chance(interaction.p_adjusted)})"
    )
    extremes = _extremes([effect for effect in interaction.simple_effects if effect.factor == verdict.factor])
    if not extremes:
        return f"{title}{p}"
    digits, highest = effect_digits(inference), extremes[0]
    changes = [_change_at(effect, title, response, digits) for effect in extremes]
    return f'{title}{p}: "{highest.level}" instead of "{highest.baseline}" {", and ".join(changes)}'


def _extremes(simple: Sequence[SimpleEffect]) -> list[SimpleEffect]:
    """Return the highest and the lowest effect of the contrast that depends most on the partner's level."""
    by_contrast: dict[str, list[SimpleEffect]] = {}
    for effect in sorted(simple, key=lambda effect: -effect.estimate):
        by_contrast.setdefault(effect.contrast, []).append(effect)
    if not by_contrast:
        return []
    widest = max(by_contrast.values(), key=lambda effects: effects[0].estimate - effects[-1].estimate)
    return [widest[0], widest[-1]]


def _change_at(effect: SimpleEffect, title: str, response: str, digits: int) -> str:
    place = f'with {title} "{effect.at}"'
    if excludes_zero(effect):
        return f"{verb(effect)} the {response} by {size(effect, digits)} {place}"
    return f"changes the {response} by {signed(effect, digits)} {place}, where the effect may be 0"


def _equivalent(verdict: FactorVerdict, inference: Inference, response: str) -> str:
    largest = differences(verdict)[0]
    digits = effect_digits(inference)
    is_word = "has a negligible effect" if verdict.verdict is Verdict.NEGLIGIBLE else "is not a cause"
    return (
        f"{verdict.title} {is_word}: all differences between its levels in the {response} are within "
        f'±{inference.settings.margin:g} (largest from the baseline: "{largest.level}" vs "{largest.baseline}", '
        f"{signed(_at_tost_level(largest, inference), digits)} at {percent(1 - 2 * inference.settings.alpha)}, "
        f"{number_of_units(largest, inference)}){_covered(verdict, digits)}."
    )


def _at_tost_level(effect: Effect, inference: Inference) -> Effect:
    """Return the effect with the interval at 1 - 2 alpha, which two one-sided tests compare with the margin."""
    if effect.low is None or effect.high is None:
        return effect
    alpha = inference.settings.alpha
    narrower = float(stdtrit(effect.freedom, 1 - alpha) / stdtrit(effect.freedom, 1 - alpha / 2))
    low, high = (effect.estimate + narrower * (end - effect.estimate) for end in (effect.low, effect.high))
    return replace(effect, low=low, high=high)


def _covered(verdict: FactorVerdict, digits: int) -> str:
    """Say what the check of contexts would have noticed."""
    check = verdict.context_check
    if check is None or check.shift is None or check.power is None:
        return ""
    return (
        f". This holds on average; a single one of its {check.contexts} contexts that moves by "
        f"{number_text(check.shift, digits)} would have been noticed in {percent(round(check.power, 2))} of such "
        "studies"
        if check.contexts > 1
        else ""
    )


def _undecided(verdict: FactorVerdict, inference: Inference, response: str) -> str:
    seeds = verdict.more_seeds_needed
    effects = differences(verdict)
    if not effects:
        return f"{verdict.title} is undecided: {_without_period(verdict.reason)}."
    largest = effects[0]
    looks = "if the effect is as large as it looks now" if excludes_zero(largest) else "if it is as large as the margin"
    # the p of the factor, as in the tables, since all its levels together are undecided
    evidence = _evidence(replace(largest, p_adjusted=verdict.p_adjusted), inference)
    # seeds that are added after a look at the results would make the verdict exploratory: a new study decides
    total = counted(largest.n_blocks + (seeds or 0), "seed")
    more = (
        f" {looks[0].upper()}{looks[1:]}, a new study with about {total} has an 80 % chance to find it."
        if seeds
        else ""
    )
    return (
        f"{verdict.title} is undecided: {compared(largest, inference)} changes the {response} by "
        f"{signed(largest, effect_digits(inference))} ({evidence}). {verdict.reason}{more}"
    )


def _without_period(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].removesuffix(".")


def _evidence(effect: Effect, inference: Inference) -> str:
    p = [] if effect.p_adjusted is None else [f"p ({inference.adjustment}) {chance(effect.p_adjusted)}"]
    return ", ".join([*p, number_of_units(effect, inference)])


def number_of_units(effect: Effect, inference: Inference) -> str:
    """Return how many seeds or, where no two runs share one, how many runs an effect comes from."""
    if inference.kind is KindOfTest.RUN_FLIPS:
        return f"n = {counted(effect.n_runs, 'run')}"
    return f"n = {counted(effect.n_blocks, 'seed')}"


def _titles(inference: Inference, paths: Sequence[str]) -> list[str]:
    titles = {factor.path: factor.title for factor in inference.factors}
    return [titles[path] for path in paths]


def _largest_estimate(verdict: FactorVerdict) -> float:
    return max((abs(effect.estimate) for effect in verdict.effects), default=0.0)
