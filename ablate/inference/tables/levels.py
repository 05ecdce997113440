"""The levels of a factor in a table: their order and baseline, and what is no factor."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ablate.core.errors import DataError, did_you_mean
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.tables.columns import Columns
from ablate.inference.tables.numbers import is_number, number
from ablate.inference.tables.spellings import spelled
from ablate.inference.tables.text import TextColumns, brief

FEWEST_LEVELS = 2
MOST_LEVELS = 100  # as in a study; a test of more levels finds nothing, and a measured number has more
FEWEST_DIGITS = 6  # of a numeric level: enough for every learning rate that a person chose
MOST_DIGITS = 17  # of any float
ROUNDING = 1e-6  # of the range of the values: changes a trend by less than any noise
LISTED = 20  # levels in an error
LISTED_ROWS = 5  # rows in an error


def factor_levels(file: Path, text: TextColumns, name: str, columns: Columns) -> FactorLevels:
    """Return a factor with its levels in order.

    Raises DataError for a factor with one level, for one with too many levels to compare, and for an order or a
    baseline that names unknown levels.
    """
    values = text.columns[name]
    numeric = name in columns.numeric
    if not numeric:
        _refuse_many_levels(file, name, values)
    levels = _ordered(file, name, values, columns.ordered[name]) if name in columns.ordered else sorted_levels(values)
    if len(levels) < FEWEST_LEVELS:
        raise DataError(
            f"{file}: factor {name!r} is {brief(levels[0])!r} in every row; must have two levels, or be left out"
        )
    baseline = _baseline(file, name, levels, columns)
    scale = columns.numeric.get(name)
    if scale == "log" and float(baseline) <= 0:
        raise DataError(f"{file}: --numeric: {name!r} has the value {baseline}; a log scale needs positive values")
    return FactorLevels(name, name, levels, baseline, name in columns.ordered, numeric, scale)


def refuse_words(file: Path, text: TextColumns, name: str) -> None:
    """Raise DataError for a numeric factor with a value that is no finite number."""
    wrong = [(row, value) for row, value in zip(text.rows, text.columns[name], strict=True) if not is_number(value)]
    if wrong:
        more = f" and {len(wrong) - LISTED_ROWS:,} more" if len(wrong) > LISTED_ROWS else ""
        places = ", ".join(f"row {row} has {brief(value)!r}" for row, value in wrong[:LISTED_ROWS])
        raise DataError(f"{file}: --numeric: column {name!r} must be a number in every row, but {places}{more}")


def numeric_spellings(values: Sequence[str]) -> dict[str, str]:
    """Return the name of each number: with six digits, or with as many as the trend over them needs.

    Learning rates of a random search have 17 digits, and nobody reads them in a sentence.
    """
    numbers = {value: float(value) for value in set(values)}
    distinct = np.unique(list(numbers.values()))
    for digits in range(FEWEST_DIGITS, MOST_DIGITS):
        rounded = np.array([float(f"{value:.{digits}g}") for value in distinct])
        error = np.abs(rounded - distinct).max()
        if len(np.unique(rounded)) == len(distinct) and error <= ROUNDING * np.ptp(distinct):
            return {text: f"{value:.{digits}g}" for text, value in numbers.items()}
    return {text: repr(value) for text, value in numbers.items()}


def sorted_levels(names: Sequence[str]) -> tuple[str, ...]:
    """Return the different names: numbers first, by value, then words."""
    return tuple(sorted(set(names), key=lambda name: (number(name) if is_number(name) else math.inf, name)))


def _refuse_many_levels(file: Path, name: str, values: Sequence[str]) -> None:
    levels = set(values)
    is_one_per_row = len(levels) == len(values) > FEWEST_LEVELS
    if len(levels) <= MOST_LEVELS and not is_one_per_row:
        return
    count = f"{len(levels):,} levels in {len(values):,} rows"
    if all(map(is_number, levels)):
        raise DataError(
            f"{file}: factor {name!r} has {count}: this looks like a number or an id; give --numeric {name} to test "
            "its trend, or leave it out"
        )
    raise DataError(
        f"{file}: factor {name!r} has {count}: this looks like an id or a text; a factor has at most {MOST_LEVELS} "
        "levels, and each in several rows; leave it out, or group its values"
    )


def _ordered(file: Path, name: str, values: Sequence[str], order: Sequence[str]) -> tuple[str, ...]:
    """Return the levels in this order; without one, sorted if all are numbers, else in the order of their first row."""
    occurring = tuple(dict.fromkeys(values))
    if not order:
        return sorted_levels(values) if all(map(is_number, occurring)) else occurring
    levels = tuple(spelled(level, occurring) for level in order)
    for level in levels:
        if level not in occurring:
            raise DataError(_unknown(file, f"--order: {name!r} has no level {level!r}", level, occurring))
    if left_out := [level for level in occurring if level not in levels]:
        raise DataError(f"{file}: --order: {name!r} has a level {left_out[0]!r} too; name every level, as in 1<3<5")
    if len(set(levels)) < len(levels):
        raise DataError(f"{file}: --order: {name!r} has a level twice, written differently; name each level once")
    return levels


def _baseline(file: Path, name: str, levels: Sequence[str], columns: Columns) -> str:
    if name in columns.baseline:
        level = spelled(columns.baseline[name], levels)
        if level not in levels:
            raise DataError(_unknown(file, f"--baseline: {name!r} has no level {level!r}", level, levels))
        return level
    default = columns.default_baseline.get(name, levels[0])
    return default if default in levels else levels[0]


def _unknown(file: Path, problem: str, word: str, known: Sequence[str]) -> str:
    more = f" and {len(known) - LISTED} more" if len(known) > LISTED else ""
    return f"{file}: {problem}{did_you_mean(word, known)}; its levels: {', '.join(map(brief, known[:LISTED]))}{more}"
