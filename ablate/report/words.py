"""How a report writes numbers, levels and views."""

import math
from collections.abc import Mapping, Sequence

from ablate.analysis.contrast import Estimate
from ablate.analysis.study_table import FactorLevels

UNDEFINED = "undefined"


def number(value: float, digits: int, *, signed: bool = False) -> str:
    """Return a number with so many digits after the point, or the word for an undefined one."""
    if math.isnan(value):
        return UNDEFINED
    return f"{value:+,.{digits}f}" if signed else f"{value:,.{digits}f}"


def interval(estimate: Estimate, digits: int) -> str:
    """Return the interval in brackets, or the word where there is none."""
    if estimate.low is None or estimate.high is None:
        return "none"
    return f"[{estimate.low:+,.{digits}f}, {estimate.high:+,.{digits}f}]"


def level_words(levels: Mapping[str, str], titles: Sequence[str]) -> str:
    """Return the levels of a cell in one line, each after its factor's title."""
    return (
        ", ".join(f"{title} {level}" for title, level in zip(titles, levels.values(), strict=True)) or "the only cell"
    )


def titles_of(factors: Sequence[FactorLevels]) -> tuple[str, ...]:
    """Return what people call the factors, in order."""
    return tuple(factor.title for factor in factors)


def spaced(name: str) -> str:
    """Return a view's name as words."""
    return name.replace("_", " ")
