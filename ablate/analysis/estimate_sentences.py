"""What an exploratory study says: how large the differences are in it, and nothing of what makes them."""

from collections.abc import Iterator

from ablate.analysis.phrases import capitalized, chance, counted, effect_digits, excludes_zero, listed, size, verb
from ablate.analysis.verdict_sentences import differences
from ablate.inference.inference import Effect, Inference

SPELLED_OUT = 5  # differences; beyond that a reader is better served by the table
EXPLORATORY = (
    "This study is exploratory and decides nothing: it can say where to look next. "
    "ablate plan says which design and how many seeds could decide."
)


def estimate_sentences(inference: Inference, response: str) -> tuple[str, ...]:
    """Return a study's largest differences, what depends most on what, and how far to trust that."""
    return (*_differences(inference, response), *_together(inference), *_limits(inference))


def _differences(inference: Inference, response: str) -> Iterator[str]:
    effects = [effect for verdict in inference.verdicts for effect in differences(verdict)]
    effects.sort(key=lambda effect: -abs(effect.estimate))
    titles = {factor.path: factor.title for factor in inference.factors}
    outside = [effect for effect in effects if excludes_zero(effect)]
    within = [effect for effect in effects if excludes_zero(effect) is False]
    told = outside or [effect for effect in effects if excludes_zero(effect) is None]
    digits = effect_digits(inference)
    for effect in told[:SPELLED_OUT]:
        yield _sentence(effect, titles[effect.factor], response, digits)
    if (more := len(told) - SPELLED_OUT) > 0:
        yield f"{counted(more, 'smaller difference')} {'is' if more == 1 else 'are'} in the table of effects."
    if within:
        names = listed([f"{titles[effect.factor]} {effect.level}" for effect in within])
        subject = "The interval includes 0" if outside else "For no level does the interval exclude 0"
        yield f"{subject}, which leaves the direction open: {names}."


def _sentence(effect: Effect, title: str, response: str, digits: int) -> str:
    return (
        f"{capitalized(title)} {effect.level} instead of {effect.baseline} {verb(effect)} the {response} by "
        f"{size(effect, digits)} in this study ({counted(effect.n_blocks, 'seed')})."
    )


def _together(inference: Inference) -> Iterator[str]:
    tested = [one for one in inference.interactions if one.p_adjusted is not None]
    if tested:
        one = max(tested, key=lambda interaction: interaction.partial_eta_sq)
        yield (
            f"What {one.titles[0]} changes depends most on {one.titles[1]} "
            f"(partial eta squared {one.partial_eta_sq:.2f}, adjusted p {chance(one.p_adjusted or 0.0)})."
        )


def _limits(inference: Inference) -> Iterator[str]:
    intervals = sum(effect.low is not None for verdict in inference.verdicts for effect in verdict.effects)
    if intervals > 1:
        yield (
            f"The {intervals} intervals are not corrected for their number: "
            "of so many, some miss the truth by chance alone."
        )
