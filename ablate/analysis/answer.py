"""The answer to a study's question, in a few plain sentences that claim no more than was measured."""

from collections.abc import Iterator, Sequence

from ablate.analysis.analysis import Analysis
from ablate.analysis.bootstrap import coverage_bound
from ablate.analysis.contrast import Estimate
from ablate.analysis.effects import Effect
from ablate.analysis.interactions import Interaction
from ablate.analysis.rounding import decimals

SPELLED_OUT = 5  # differences; beyond that a reader is better served by the table


def answer(analysis: Analysis) -> tuple[str, ...]:
    """Return the answer, the most important sentence first.

    It speaks of differences "in this study" and of intervals, never of causes.
    """
    return (
        *_differences(analysis),
        *_interaction(analysis),
        *_limits(analysis),
    )


def effect_sentence(effect: Effect, response: str, digits: int) -> str:
    """Return what one level changed, with its interval and what that rests on."""
    estimate = effect.estimate
    verb = "raises" if estimate.value > 0 else "lowers"
    seeds = counted(len(estimate.seeds), "seed")
    return (
        f"{capitalised(effect.title)} {effect.level} instead of {effect.baseline} {verb} the {response} by "
        f"{_magnitude(estimate, digits)} ({seeds}, {estimate.agreeing} of {counted(estimate.matched, 'pair')} agree)."
    )


def capitalised(text: str) -> str:
    """Return the text with its first letter large, and the others as they are."""
    return text[:1].upper() + text[1:]


def counted(count: int, thing: str) -> str:
    """Return `1 seed`, `2 seeds`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def effect_digits(analysis: Analysis) -> int:
    """Return how many digits after the point to write differences with: one more than the largest one needs."""
    contrasts: tuple[Effect | Interaction, ...] = (*analysis.effects, *analysis.interactions)
    return 1 + decimals(max((abs(item.estimate.value) for item in contrasts), default=0.0))


def _differences(analysis: Analysis) -> Iterator[str]:
    response, digits = analysis.response.measure.title, effect_digits(analysis)
    if not analysis.effects:
        yield _no_comparison(analysis)
        return
    outside = [effect for effect in analysis.effects if effect.estimate.excludes_zero]
    within = [effect for effect in analysis.effects if effect.estimate.excludes_zero is False]
    single = [effect for effect in analysis.effects if effect.estimate.excludes_zero is None]
    for effect in (outside or single)[:SPELLED_OUT]:
        yield effect_sentence(effect, response, digits)
    if (more := len(outside or single) - SPELLED_OUT) > 0:
        yield f"{counted(more, 'smaller difference')} {'is' if more == 1 else 'are'} in the table of effects."
    if outside:
        yield _excluding(outside, analysis)
    if within:
        names = _listed([f"{effect.title} {effect.level}" for effect in within])
        subject = "For no level does the interval exclude 0" if not outside else "The interval includes 0"
        yield f"{subject}, which leaves the direction open: {names}."


def _excluding(outside: Sequence[Effect], analysis: Analysis) -> str:
    exclude = "Its interval excludes" if len(outside) == 1 else "Their intervals exclude"
    fewest = min(len(effect.estimate.seeds) for effect in outside)
    if coverage_bound(fewest) >= analysis.resampling.confidence:
        return f"{exclude} 0 in this study."
    luck = f"1 time in {round(1 / (1 - coverage_bound(fewest)))}"
    return f"{exclude} 0 in this study; with {fewest} seeds chance alone does that at least {luck}."


def _no_comparison(analysis: Analysis) -> str:
    response, defined = analysis.response.measure.title, [cell for cell in analysis.cells if cell.defined]
    if not defined:
        return f"No run has a defined {response}, so nothing can be compared."
    if len(analysis.cells) == 1:
        cell = defined[0]
        digits = decimals(cell.mean)
        return f"The study varies nothing; its {response} is {cell.mean:.{digits}f} ({counted(cell.defined, 'run')})."
    return f"No two runs that differ in one level alone both have a {response} yet, so nothing can be compared."


def _interaction(analysis: Analysis) -> Iterator[str]:
    if analysis.interactions:
        yield interaction_sentence(analysis.interactions[0], analysis.response.measure.title, effect_digits(analysis))


def interaction_sentence(interaction: Interaction, response: str, digits: int) -> str:
    """Return how one level's difference depends on another factor's level."""
    (title, beside), (level, other), (_, baseline) = interaction.titles, interaction.levels, interaction.baselines
    estimate = interaction.estimate
    direction = "higher" if estimate.value > 0 else "lower"
    zero = {True: "; the interval excludes 0", False: "; the interval includes 0", None: ""}[estimate.excludes_zero]
    return (
        f"The largest interaction: what {title} {level} changes in the {response} is {direction} by "
        f"{_magnitude(estimate, digits)} with {beside} {other} than with {baseline} "
        f"({counted(len(estimate.seeds), 'seed')}{zero})."
    )


def _limits(analysis: Analysis) -> Iterator[str]:
    compared = len(analysis.effects) + len(analysis.interactions)
    if analysis.exploratory:
        yield ("This study is exploratory: it can say where to look next, not what makes the difference in general.")
    if compared > 1 and any(effect.estimate.low is not None for effect in analysis.effects):
        yield (
            f"The {compared} intervals are not corrected for their number: "
            "of so many, some miss the truth by chance alone."
        )


def _magnitude(estimate: Estimate, digits: int) -> str:
    """Return the size of an estimate, with its interval turned the same way."""
    size = f"{abs(estimate.value):.{digits}f}"
    if estimate.low is None or estimate.high is None:
        return size
    ends = (estimate.low, estimate.high) if estimate.value > 0 else (-estimate.high, -estimate.low)
    return f"{size} [{ends[0]:.{digits}f}, {ends[1]:.{digits}f}]"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
