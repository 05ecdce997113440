"""How a report writes numbers, levels and views."""

import math
from collections.abc import Mapping, Sequence

from ablate.analysis.phrases import TINY_P, decimals
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.inference import Effect, Mediation, SimpleEffect
from ablate.storage.findings import Number

UNDEFINED, NO_INTERVAL, ABSENT = "undefined", "none", "\N{EN DASH}"
TINY = 1e-4  # below it a number is written with a power of ten


def number(value: float, digits: int, *, signed: bool = False) -> str:
    """Return a number with so many digits after the point, or the word for an undefined one."""
    if math.isnan(value):
        return UNDEFINED
    return f"{value:+,.{digits}f}" if signed else f"{value:,.{digits}f}"


def interval(estimate: Effect | SimpleEffect | Mediation, digits: int) -> str:
    """Return the interval in brackets, or the word where there is none."""
    if estimate.low is None or estimate.high is None:
        return NO_INTERVAL
    return bounds((estimate.low, estimate.high), digits, signed=True)


def p_value(p: float | None) -> str:
    """Return a p-value, or a dash where there is none."""
    if p is None:
        return ABSENT
    return f"< {TINY_P}" if p < TINY_P else f"{p:.3f}"


def optional(value: float | None, digits: int, *, signed: bool = False) -> str:
    """Return a number, or a dash where there is none."""
    return ABSENT if value is None or math.isnan(value) else number(value, digits, signed=signed)


def share(value: float | None) -> str:
    """Return a share of 1 in percent, or a dash where there is none."""
    return ABSENT if value is None or math.isnan(value) else f"{100 * value:.0f} %"


def contrast_words(effect: Effect) -> str:
    """Return what is compared: `1 instead of 3`, `linear trend`."""
    return f"{effect.trend} trend" if effect.trend else f"{effect.level} instead of {effect.baseline}"


def bounds(ends: tuple[float, float], digits: int, *, signed: bool = False) -> str:
    """Return the ends of an interval in brackets, or the word where it is undefined."""
    low, high = ends
    if math.isnan(low) or math.isnan(high):
        return NO_INTERVAL
    return f"[{number(low, digits, signed=signed)}, {number(high, digits, signed=signed)}]"


def shown_value(value: Number) -> str:
    """Return a probe's number, yes or no, or word, as a reader expects it."""
    if value is None:
        return UNDEFINED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2g}" if 0 < abs(value) < TINY else number(value, decimals(value))
    return str(value)


def direction(higher_is_better: bool | None) -> str:  # noqa: FBT001  # a filter has one argument
    """Say which way a measure is better."""
    return "" if higher_is_better is None else "higher" if higher_is_better else "lower"


def level_words(levels: Mapping[str, str], titles: Sequence[str]) -> str:
    """Return the levels of a cell in one line, each after its factor's title."""
    return (
        ", ".join(f"{title} {level}" for title, level in zip(titles, levels.values(), strict=True)) or "the only cell"
    )


def run_words(levels: Mapping[str, str], seed: int, factors: Sequence[FactorLevels]) -> str:
    """Return what a run was, in one line: its levels, where the study has factors, and its seed."""
    return ", ".join([*([level_words(levels, titles_of(factors))] if levels else []), f"seed {seed}"])


def titles_of(factors: Sequence[FactorLevels]) -> tuple[str, ...]:
    """Return what people call the factors, in order."""
    return tuple(factor.title for factor in factors)


def spaced(name: str) -> str:
    """Return a view's name as words."""
    return name.replace("_", " ")
