"""What a study says of its factors: a sentence each, which claims no more than was tested."""

from collections.abc import Sequence

from ablate.analysis.phrases import (
    capitalized,
    chance,
    counted,
    effect_digits,
    excludes_zero,
    listed,
    signed,
    size,
    verb,
)
from ablate.inference.inference import Effect, Inference, Interaction, SimpleEffect, Verdict, VerdictKind

ORDER: tuple[VerdictKind, ...] = ("cause", "acts_with", "not_a_cause", "undecided")
SAID: dict[VerdictKind, tuple[str, str]] = {
    "cause": ("is a cause of the {response}", "are causes of the {response}"),
    "acts_with": ("acts only together with another factor", "act only together with others"),
    "not_a_cause": ("is no cause", "are no causes"),
    "undecided": ("is undecided", "are undecided"),
}
SPELLED_OUT = 3  # levels of one factor; the others are in the table


def verdict_sentences(inference: Inference, response: str) -> tuple[str, ...]:
    """Return a sentence for every factor: causes first, then what acts only together, what is no cause, and the rest.

    A first sentence names the verdicts where there are several. `response` is what people call it. p-values are those
    adjusted for all that was tested.
    """
    sentence = {"cause": _cause, "acts_with": _acts_with, "not_a_cause": _not_a_cause, "undecided": _undecided}
    own = tuple(capitalized(sentence[one.verdict](one, inference, response)) for one in ranked(inference))
    return own if len(own) == 1 else (_headline(inference, response), *own)


def ranked(inference: Inference) -> list[Verdict]:
    """Return the verdicts: causes first, the undecided last, and of the same the larger effect first."""
    return sorted(inference.verdicts, key=lambda one: (ORDER.index(one.verdict), -_largest(one)))


def differences(verdict: Verdict) -> list[Effect]:
    """Return a factor's differences of two levels, the largest first."""
    return sorted((one for one in verdict.effects if one.trend is None), key=lambda one: -abs(one.estimate))


def _headline(inference: Inference, response: str) -> str:
    named = {kind: [one.title for one in ranked(inference) if one.verdict == kind] for kind in ORDER}
    parts = [f"No factor is found to be a cause of the {response}"] if not named["cause"] else []
    for kind, (one, several) in SAID.items():
        if titles := named[kind]:
            parts.append(f"{listed(titles)} {(one if len(titles) == 1 else several).format(response=response)}")
    return f"{capitalized('; '.join(parts))}."


def _cause(verdict: Verdict, inference: Inference, response: str) -> str:
    alpha, digits = inference.settings.alpha, effect_digits(inference)
    sure = [one for one in differences(verdict) if _is_sure(one, alpha)]
    parts = [_change(one, response, digits) for one in sure[:SPELLED_OUT]] or [_no_level_alone(verdict, response)]
    if (more := len(sure) - SPELLED_OUT) > 0:
        parts.append(f"{counted(more, 'more level')} in the table")
    parts += [
        _trend(one, response, digits) for one in verdict.effects if one.trend == "linear" and _is_sure(one, alpha)
    ]
    if verdict.partners:
        parts.append(f"how much depends on {listed(_titles(inference, verdict.partners))}")
    return f"{verdict.title} is a cause: {'; '.join(parts)}."


def _is_sure(effect: Effect, alpha: float) -> bool:
    return effect.p_adjusted is not None and effect.p_adjusted <= alpha


def _change(effect: Effect, response: str, digits: int) -> str:
    return (
        f"{effect.level} instead of {effect.baseline} {verb(effect)} the {response} by {size(effect, digits)} "
        f"({_rests_on(effect)})"
    )


def _no_level_alone(verdict: Verdict, response: str) -> str:
    p = "" if verdict.p_adjusted is None else f" (adjusted p {chance(verdict.p_adjusted)})"
    return f"the {response} differs between its levels{p}, though no level alone differs surely from the baseline"


def _trend(effect: Effect, response: str, digits: int) -> str:
    way = "rises" if effect.estimate > 0 else "falls"
    return f"from its lower to its higher levels the {response} {way} by {size(effect, digits)}"


def _acts_with(verdict: Verdict, inference: Inference, response: str) -> str:
    parts = [
        _together(verdict, interaction, partner, inference, response)
        for partner in verdict.partners
        for interaction in inference.interactions
        if set(interaction.factors) == {verdict.factor, partner}
    ]
    return f"{verdict.title} acts only together with {'; and with '.join(parts)}."


def _together(verdict: Verdict, interaction: Interaction, partner: str, inference: Inference, response: str) -> str:
    (title,) = _titles(inference, [partner])
    p = "" if interaction.p_adjusted is None else f" (adjusted p {chance(interaction.p_adjusted)})"
    ends = _ends([one for one in interaction.simple_effects if one.factor == verdict.factor])
    if not ends:
        return f"{title}{p}"
    digits, first = effect_digits(inference), ends[0]
    where = [_simply(one, title, response, digits) for one in ends]
    return f"{title}{p}: {first.level} instead of {first.baseline} {', and '.join(where)}"


def _ends(simple: Sequence[SimpleEffect]) -> list[SimpleEffect]:
    """Return where the contrast that depends most on the partner's level is highest, and where it is lowest."""
    by_contrast: dict[str, list[SimpleEffect]] = {}
    for one in sorted(simple, key=lambda one: -one.estimate):
        by_contrast.setdefault(one.contrast, []).append(one)
    if not by_contrast:
        return []
    widest = max(by_contrast.values(), key=lambda own: own[0].estimate - own[-1].estimate)
    return [widest[0], widest[-1]]


def _simply(effect: SimpleEffect, title: str, response: str, digits: int) -> str:
    where = f"with {title} {effect.at}"
    if excludes_zero(effect):
        return f"{verb(effect)} the {response} by {size(effect, digits)} {where}"
    return f"changes it by {signed(effect, digits)} {where}, which may be nothing"


def _not_a_cause(verdict: Verdict, inference: Inference, response: str) -> str:
    largest = differences(verdict)[0]
    margin = f"{inference.settings.margin:g}"
    return (
        f"{verdict.title} is no cause: whatever it changes in the {response} lies within the margin of {margin} "
        f"(at most {largest.level} instead of {largest.baseline}: "
        f"{signed(largest, effect_digits(inference))}, {counted(largest.n_blocks, 'seed')})."
    )


def _undecided(verdict: Verdict, inference: Inference, response: str) -> str:
    seeds = verdict.more_seeds_needed
    more = f"; about {counted(seeds, 'more seed')} would decide" if seeds else ""
    found = differences(verdict)
    if not found:
        return f"{verdict.title} is undecided: no two runs that differ in it alone can be compared{more}."
    largest = found[0]
    return (
        f"{verdict.title} is undecided: {largest.level} instead of {largest.baseline} changes the {response} by "
        f"{signed(largest, effect_digits(inference))} ({_rests_on(largest)}){more}."
    )


def _rests_on(effect: Effect) -> str:
    p = [] if effect.p_adjusted is None else [f"adjusted p {chance(effect.p_adjusted)}"]
    return ", ".join([*p, counted(effect.n_blocks, "seed")])


def _titles(inference: Inference, paths: Sequence[str]) -> list[str]:
    titles = {factor.path: factor.title for factor in inference.factors}
    return [titles[path] for path in paths]


def _largest(verdict: Verdict) -> float:
    return max((abs(effect.estimate) for effect in verdict.effects), default=0.0)
