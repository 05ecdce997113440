"""Numbers in text: with a point, or with a decimal comma as spreadsheets write them in many countries."""

import math
import re
from collections.abc import Iterable, Sequence

DECIMAL_COMMA = re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d*),\d+(?:[eE][+-]?\d+)?", re.ASCII)
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)  # 1,234 may be a thousand or a bit more than one


def number(text: str) -> float | None:
    """Return the number in a text; None for words, and for 1_000, which is a number only in Python."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def is_number(text: str) -> bool:
    """Return whether a text is a finite number with a point."""
    value = number(text)
    return value is not None and math.isfinite(value)


def decimal_commas(values: Iterable[str]) -> list[str]:
    """Return the values with a decimal comma; none where a value with a point shows that commas mean something else."""
    with_comma = []
    for value in values:
        if "," in value and DECIMAL_COMMA.fullmatch(value):
            with_comma.append(value)
        elif "." in value and number(value) is not None:
            return []
    return with_comma


def are_ambiguous(with_comma: Sequence[str]) -> bool:
    """Return whether the commas of all these values may separate thousands."""
    return all(THOUSANDS.fullmatch(value) for value in with_comma)


def with_point(text: str) -> str:
    """Return a number that has a decimal comma with a point; any other text as it is."""
    if "," in text and DECIMAL_COMMA.fullmatch(text):
        return text.replace(".", "").replace(",", ".")
    return text
