"""Equal levels that are written differently, such as 1, 1.0 and 1e0, or True and true."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation

from ablate.inference.tables.numbers import is_number, number
from ablate.inference.tables.text import brief

TRUTH_VALUES = ("true", "false")
LISTED = 5  # levels with several spellings; a longer sentence is not read


def meaning(text: str) -> Hashable:
    """Return what a level means: equal for equal numbers and for equal truth values, else the text itself.

    Numbers are compared exactly: large integers that differ in their last digit are different levels.
    """
    if is_number(text):
        try:
            return Decimal(text)
        except InvalidOperation:  # an exponent beyond Decimal's
            return number(text)
    return ("truth value", text.lower()) if text.lower() in TRUTH_VALUES else text


def simplest_spellings(values: Iterable[str]) -> Mapping[str, str]:
    """Return the shortest spelling of every value; of equally short ones the first in the alphabet."""
    spellings: dict[Hashable, list[str]] = {}
    for value in dict.fromkeys(values):
        spellings.setdefault(meaning(value), []).append(value)
    return {
        value: min(equal, key=lambda spelling: (len(spelling), spelling))
        for equal in spellings.values()
        for value in equal
    }


def spelled(level: str, levels: Sequence[str]) -> str:
    """Return a level in the spelling that the table has; as it is written where the table has none."""
    return next((known for known in levels if meaning(known) == meaning(level)), level)


def spelling_notes(name: str, spellings: Mapping[str, str]) -> Iterator[str]:
    """Yield the sentence that says which levels of a column are one, unless every level has one spelling."""
    groups: dict[str, list[str]] = {}
    for value, simplest in spellings.items():
        groups.setdefault(simplest, []).append(value)
    merged = [
        f'{", ".join(f"{brief(value)!r}" for value in sorted(values))} count as "{brief(simplest)}"'
        for simplest, values in groups.items()
        if len(values) > 1
    ]
    if merged:
        more = f"; and {len(merged) - LISTED} more" if len(merged) > LISTED else ""
        yield f"column {name!r}: equal values are one level: {'; '.join(merged[:LISTED])}{more}."
