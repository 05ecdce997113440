"""How sentences write numbers, effects and lists of names."""

import math
from collections.abc import Sequence

from ablate.inference.inference import Effect, Inference, SimpleEffect

TINY_P = 0.001  # smaller p-values are written as "< 0.001": permutations do not resolve them
MOST_DECIMALS = 8  # more are not counted at a glance: 1e-300 has 300 of them
LARGEST_PLAIN = 1e9  # larger numbers are written with a power of ten


def decimals(scale: float) -> int:
    """Return the number of decimals for numbers of this size: two from 0.1 to 10, more for smaller numbers."""
    if not math.isfinite(scale) or scale == 0:
        return 2
    exponent = math.floor(math.log10(abs(scale)))
    return max(0, 2 - exponent) if exponent >= 0 else 1 - exponent


def number_text(value: float, digits: int, *, signed: bool = False, grouped: bool = False) -> str:
    """Return a number with this many decimals, or with a power of ten where that would be too long: `2.91e+14`.

    `grouped` separates thousands by commas.
    """
    sign = "+" if signed else ""
    if value and math.isfinite(value) and (digits > MOST_DECIMALS or abs(value) >= LARGEST_PLAIN):
        return f"{value:{sign}.2e}"
    return f"{value:{sign}{',' if grouped else ''}.{min(digits, MOST_DECIMALS)}f}"


def clock(seconds: float) -> str:
    """Return a duration in words: 45 s, 12 min, 3 h 20 min."""
    if seconds < 100:  # noqa: PLR2004  # up to here seconds read better than minutes
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"  # noqa: PLR2004


def counted(count: int, noun: str) -> str:
    """Return `1 seed`, `2 seeds`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def percent(share: float) -> str:
    """Return a share of 1 in percent, with three digits at most."""
    return f"{100 * share:.3g} %"


def chance(p: float) -> str:
    """Return a p-value with its relation sign: `= 0.012`, `< 0.001`."""
    return f"< {TINY_P}" if p < TINY_P else f"= {p:.3f}"


def effect_digits(inference: Inference) -> int:
    """Return the number of decimals for all effects: one more than the largest effect needs."""
    effects: tuple[Effect | SimpleEffect, ...] = (
        *(effect for verdict in inference.verdicts for effect in verdict.effects),
        *(effect for interaction in inference.interactions for effect in interaction.simple_effects),
    )
    return 1 + decimals(max((abs(effect.estimate) for effect in effects), default=0.0))


def size(effect: Effect | SimpleEffect, digits: int) -> str:
    """Return an effect without its sign, and its confidence interval turned to match, to follow a verb."""
    value = number_text(abs(effect.estimate), digits)
    if effect.low is None or effect.high is None:
        return value
    low, high = (effect.low, effect.high) if effect.estimate >= 0 else (-effect.high, -effect.low)
    return f"{value} [{number_text(low, digits)}, {number_text(high, digits)}]"


def signed(effect: Effect | SimpleEffect, digits: int) -> str:
    """Return an effect with its sign, and its confidence interval."""
    value = number_text(effect.estimate, digits, signed=True)
    if effect.low is None or effect.high is None:
        return value
    low, high = (number_text(end, digits, signed=True) for end in (effect.low, effect.high))
    return f"{value} [{low}, {high}]"


def excludes_zero(effect: Effect | SimpleEffect) -> bool | None:
    """Return whether the confidence interval excludes 0; None if there is no interval."""
    if effect.low is None or effect.high is None:
        return None
    return effect.low > 0 or effect.high < 0


def verb(effect: Effect | SimpleEffect) -> str:
    """Return `raises` or `lowers`, by the sign of an effect."""
    return "raises" if effect.estimate > 0 else "lowers"
