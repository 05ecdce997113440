"""How sentences write numbers, names and chances."""

from collections.abc import Sequence

from ablate.analysis.rounding import decimals
from ablate.inference.inference import Effect, Inference, SimpleEffect

TINY_P = 0.001  # a smaller p-value is called just that


def capitalized(text: str) -> str:
    """Return the text with its first letter large, and the others as they are."""
    return text[:1].upper() + text[1:]


def counted(count: int, thing: str) -> str:
    """Return `1 seed`, `2 seeds`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def percent(share: float) -> str:
    """Write a share of 1 in percent, with three digits at most."""
    return f"{100 * share:.3g} %"


def chance(p: float) -> str:
    """Return a p-value with its sign of equality: `= 0.012`, `< 0.001`."""
    return f"< {TINY_P}" if p < TINY_P else f"= {p:.3f}"


def effect_digits(inference: Inference) -> int:
    """Return how many digits after the point to write effects with: one more than the largest one needs."""
    effects: tuple[Effect | SimpleEffect, ...] = (
        *(effect for verdict in inference.verdicts for effect in verdict.effects),
        *(effect for interaction in inference.interactions for effect in interaction.simple_effects),
    )
    return 1 + decimals(max((abs(effect.estimate) for effect in effects), default=0.0))


def size(effect: Effect | SimpleEffect, digits: int) -> str:
    """Return an effect without its sign, and its interval turned the same way: to be read after a verb."""
    value = f"{abs(effect.estimate):.{digits}f}"
    if effect.low is None or effect.high is None:
        return value
    low, high = (effect.low, effect.high) if effect.estimate >= 0 else (-effect.high, -effect.low)
    return f"{value} [{low:.{digits}f}, {high:.{digits}f}]"


def signed(effect: Effect | SimpleEffect, digits: int) -> str:
    """Return an effect with its sign, and its interval."""
    value = f"{effect.estimate:+.{digits}f}"
    if effect.low is None or effect.high is None:
        return value
    return f"{value} [{effect.low:+.{digits}f}, {effect.high:+.{digits}f}]"


def excludes_zero(effect: Effect | SimpleEffect) -> bool | None:
    """Say whether 0 lies outside the interval; None where there is none."""
    if effect.low is None or effect.high is None:
        return None
    return effect.low > 0 or effect.high < 0


def verb(effect: Effect | SimpleEffect) -> str:
    """Say what an effect does to the response."""
    return "raises" if effect.estimate > 0 else "lowers"
