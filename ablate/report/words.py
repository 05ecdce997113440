"""How a report writes numbers, confidence intervals, levels and views."""

import math
from collections.abc import Iterable, Mapping, Sequence

from ablate.analysis.phrases import TINY_P, decimals, number_text
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.inference import Effect, Mediation, SimpleEffect
from ablate.storage.findings import Number

UNDEFINED, NO_INTERVAL, ABSENT = "undefined", "none", "\N{EN DASH}"
TINY = 1e-4  # smaller numbers are written with a power of ten


def number(value: float, digits: int, *, signed: bool = False) -> str:
    """Return a number with this many decimals (very large and small ones in powers of ten), or `undefined` for NaN."""
    if math.isnan(value):
        return UNDEFINED
    return number_text(value, digits, signed=signed, grouped=True)


def optional(value: float | None, digits: int, *, signed: bool = False) -> str:
    """Return a number, or a dash if there is none."""
    return ABSENT if value is None or math.isnan(value) else number(value, digits, signed=signed)


def interval(estimate: Effect | SimpleEffect | Mediation, digits: int) -> str:
    """Return the confidence interval in brackets, or `none`."""
    if estimate.low is None or estimate.high is None:
        return NO_INTERVAL
    return bounds((estimate.low, estimate.high), digits, signed=True)


def bounds(ends: tuple[float, float], digits: int, *, signed: bool = False) -> str:
    """Return the ends of a confidence interval in brackets, or `none` where it is undefined."""
    low, high = ends
    if math.isnan(low) or math.isnan(high):
        return NO_INTERVAL
    return f"[{number(low, digits, signed=signed)}, {number(high, digits, signed=signed)}]"


def p_value(p: float | None) -> str:
    """Return a p-value, or a dash if there is none."""
    if p is None:
        return ABSENT
    return f"< {TINY_P}" if p < TINY_P else f"{p:.3f}"


def share(value: float | None) -> str:
    """Return a share of 1 in percent, or a dash if there is none."""
    return ABSENT if value is None or math.isnan(value) else f"{100 * value:.0f} %"


def finding_value(value: Number) -> str:
    """Return a probe's number, truth value or word as text."""
    if value is None:
        return UNDEFINED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2g}" if 0 < abs(value) < TINY else number(value, decimals(value))
    return str(value)


def direction(higher_is_better: bool | None) -> str:  # noqa: FBT001  # a filter has one argument
    """Return which direction of a metric is better; empty if neither is."""
    return "" if higher_is_better is None else "higher" if higher_is_better else "lower"


def contrast_words(effect: Effect | SimpleEffect) -> str:
    """Return what an effect compares: `"1" vs "3"`, `linear trend`."""
    if isinstance(effect, Effect) and effect.trend:
        return f"{effect.trend} trend"
    return f'"{effect.level}" vs "{effect.baseline}"'


def cell_words(levels: Mapping[str, str], titles: Iterable[str]) -> str:
    """Return the levels of a cell on one line: `kernel = 3, loss = bce`."""
    return ", ".join(f"{title} = {level}" for title, level in zip(titles, levels.values(), strict=True)) or "only cell"


def run_words(levels: Mapping[str, str], seed: int, factors: Sequence[FactorLevels]) -> str:
    """Return the levels and the seed of a run on one line."""
    return ", ".join([*([cell_words(levels, titles_of(factors))] if levels else []), f"seed {seed}"])


def titles_of(factors: Sequence[FactorLevels]) -> tuple[str, ...]:
    """Return the titles of the factors, in order."""
    return tuple(factor.title for factor in factors)


def spaced(name: str) -> str:
    """Return a name with spaces for underscores."""
    return name.replace("_", " ")
