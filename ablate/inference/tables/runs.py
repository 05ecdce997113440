"""A table of runs from a file, ready for inference."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from ablate.core.errors import DataError, did_you_mean
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.run_table import RunTable
from ablate.inference.tables.columns import Columns
from ablate.inference.tables.text import TextColumns, read_text

FEWEST_ROWS = 2
FEWEST_LEVELS = 2


def read_runs(file: Path, columns: Columns) -> RunTable:
    """Read a table with one row a run.

    Levels and blocks are named as they are written: 1 and 1.0 are two levels. A response that is blank, NaN or
    infinite leaves its run without one; the run is kept, and its outcome says so. Raises DataError for a file that
    is no such table, a blank level or block, a response that is no number or nowhere finite, a factor with one level,
    and rows that repeat a combination of levels in a block, unless those are to be averaged.
    """
    text = read_text(file, columns.names)
    if len(text.rows) < FEWEST_ROWS:
        raise DataError(f"{file}: has one row; must have one row a run, {FEWEST_ROWS} at the least")
    for name in (*columns.factors, columns.block):
        _refuse_blanks(file, text, name)
    factors = tuple(_factor(file, text, name, columns) for name in columns.factors)
    blocks = _sorted(text.columns[columns.block])
    table = RunTable(
        factors=factors,
        blocks=blocks,
        levels=np.column_stack([_positions(text.columns[factor.path], factor.levels) for factor in factors]),
        block=_positions(text.columns[columns.block], blocks),
        response=_numbers(file, text, columns.response),
        outcome=_outcomes(text, columns),
        mediators={name: _numbers(file, text, name) for name in columns.mediators},
    )
    if not table.defined.any():
        raise DataError(f"{file}: no row has a finite {columns.response!r}; there is nothing to analyze")
    return _one_row_a_run(file, text, table, average=columns.average)


def _refuse_blanks(file: Path, text: TextColumns, name: str) -> None:
    for row, value in zip(text.rows, text.columns[name], strict=True):
        if not value:
            raise DataError(f"{file}: row {row} has no {name!r}; give every run a level of every factor and a block")


def _factor(file: Path, text: TextColumns, name: str, columns: Columns) -> FactorLevels:
    found = text.columns[name]
    levels = _ordered(file, name, found, columns.ordered[name]) if name in columns.ordered else _sorted(found)
    if len(levels) < FEWEST_LEVELS:
        raise DataError(f"{file}: factor {name!r} is {levels[0]!r} in every row; must have two levels, or be left out")
    baseline = columns.baseline.get(name, levels[0])
    if baseline not in levels:
        raise DataError(_unknown(file, f"--baseline: {name!r} has no level {baseline!r}", baseline, levels))
    return FactorLevels(name, name, levels, baseline, ordered=name in columns.ordered)


def _ordered(file: Path, name: str, found: Sequence[str], given: Sequence[str]) -> tuple[str, ...]:
    """Return the levels in the given order; without one by value where all are numbers, else as they first appear."""
    occurring = tuple(dict.fromkeys(found))
    if not given:
        return _sorted(found) if all(map(_is_number, occurring)) else occurring
    for level in given:
        if level not in occurring:
            raise DataError(_unknown(file, f"--order: {name!r} has no level {level!r}", level, occurring))
    if left_out := [level for level in occurring if level not in given]:
        raise DataError(f"{file}: --order: {name!r} has a level {left_out[0]!r} too; name every level, as in 1<3<5")
    return tuple(given)


def _unknown(file: Path, problem: str, word: str, known: Sequence[str]) -> str:
    return f"{file}: {problem}{did_you_mean(word, known)}; its levels: {', '.join(known)}"


def _sorted(found: Sequence[str]) -> tuple[str, ...]:
    """Return the different names: numbers first, by value, then words."""
    return tuple(sorted(set(found), key=lambda name: (float(name) if _is_number(name) else math.inf, name)))


def _is_number(name: str) -> bool:
    number = _number(name)
    return number is not None and math.isfinite(number)


def _number(text: str) -> float | None:
    """Return the number that is written; None for words, and for 1_000, which only Python takes for a number."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _positions(found: Sequence[str], names: Sequence[str]) -> np.ndarray:
    position = {name: index for index, name in enumerate(names)}
    return np.array([position[name] for name in found])


def _numbers(file: Path, text: TextColumns, name: str) -> Float[np.ndarray, " run"]:
    """Return a column of numbers: NaN where it is blank or not finite."""
    numbers = [_number(value) if value else math.nan for value in text.columns[name]]
    for row, value, number in zip(text.rows, text.columns[name], numbers, strict=True):
        if number is None:
            raise DataError(f"{file}: row {row} has {value!r} as {name!r}; must be a number with a point, or blank")
    found = np.array(numbers, float)
    return np.where(np.isfinite(found), found, np.nan)


def _outcomes(text: TextColumns, columns: Columns) -> tuple[str, ...]:
    """Return how each run ended, by its own column or else by what stands for its response."""
    if columns.outcome:
        return tuple(text.columns[columns.outcome])
    return tuple(f"{columns.response} is {value or 'blank'}" for value in text.columns[columns.response])


def _one_row_a_run(file: Path, text: TextColumns, table: RunTable, *, average: bool) -> RunTable:
    """Return the table without rows that repeat a run, or raise DataError."""
    run = table.cell * len(table.blocks) + table.block
    repeats = pd.Series(run).duplicated().to_numpy()
    if not repeats.any():
        return table
    if average:
        return _averaged(table, run, np.flatnonzero(~repeats))
    row = int(np.flatnonzero(repeats)[0])
    names = ", ".join(f"{f.path} {f.levels[i]}" for f, i in zip(table.factors, table.levels[row], strict=True))
    raise DataError(
        f"{file}: {int(repeats.sum())} rows repeat a combination of levels in a block, first row {text.rows[row]} "
        f"({names}, block {table.blocks[table.block[row]]}); name the factor or block that tells them apart, or give "
        "--average to average them: repeats within a block are no replication"
    )


def _averaged(table: RunTable, run: np.ndarray, first: np.ndarray) -> RunTable:
    """Return each run once: the means of its rows that have a value, and what else its first row says."""

    def mean(values: np.ndarray) -> np.ndarray:
        means: np.ndarray = pd.Series(values).groupby(run).transform("mean").to_numpy()[first]
        return means

    return RunTable(
        factors=table.factors,
        blocks=table.blocks,
        levels=table.levels[first],
        block=table.block[first],
        response=mean(table.response),
        outcome=tuple(table.outcome[row] for row in first),
        mediators={name: mean(values) for name, values in table.mediators.items()},
    )
