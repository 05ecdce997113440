"""Reads a table of runs from a file for inference."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ablate.core.errors import DataError, did_you_mean
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.run_table import RunTable
from ablate.inference.tables.columns import Columns
from ablate.inference.tables.text import TextColumns, read_text

FEWEST_ROWS = 2
FEWEST_LEVELS = 2


def read_runs(file: Path, columns: Columns) -> RunTable:
    """Return the runs of a table with one row per run.

    Levels and blocks are compared as text: 1 and 1.0 are two levels. A run whose response is blank, NaN or infinite has
    no response; it stays in the table, and its outcome says why. Raises DataError for a file that is not such a table,
    a blank level or block, a response that is not a number or never finite, a factor with one level, and rows that
    repeat a cell in a block, unless they are averaged.
    """
    text = read_text(file, columns.names)
    if len(text.rows) < FEWEST_ROWS:
        raise DataError(f"{file}: has one row; must have one row per run, at least {FEWEST_ROWS}")
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
    names = text.columns[name]
    levels = _ordered(file, name, names, columns.ordered[name]) if name in columns.ordered else _sorted(names)
    if len(levels) < FEWEST_LEVELS:
        raise DataError(f"{file}: factor {name!r} is {levels[0]!r} in every row; must have two levels, or be left out")
    baseline = columns.baseline.get(name, levels[0])
    if baseline not in levels:
        raise DataError(_unknown(file, f"--baseline: {name!r} has no level {baseline!r}", baseline, levels))
    return FactorLevels(name, name, levels, baseline, ordered=name in columns.ordered)


def _ordered(file: Path, name: str, names: Sequence[str], order: Sequence[str]) -> tuple[str, ...]:
    """Return the levels in this order; without one, sorted if all are numbers, else in the order of their first row."""
    occurring = tuple(dict.fromkeys(names))
    if not order:
        return _sorted(names) if all(map(_is_number, occurring)) else occurring
    for level in order:
        if level not in occurring:
            raise DataError(_unknown(file, f"--order: {name!r} has no level {level!r}", level, occurring))
    if left_out := [level for level in occurring if level not in order]:
        raise DataError(f"{file}: --order: {name!r} has a level {left_out[0]!r} too; name every level, as in 1<3<5")
    return tuple(order)


def _unknown(file: Path, problem: str, word: str, known: Sequence[str]) -> str:
    return f"{file}: {problem}{did_you_mean(word, known)}; its levels: {', '.join(known)}"


def _sorted(names: Sequence[str]) -> tuple[str, ...]:
    """Return the different names: numbers first, by value, then words."""
    return tuple(sorted(set(names), key=lambda name: (float(name) if _is_number(name) else math.inf, name)))


def _is_number(name: str) -> bool:
    number = _number(name)
    return number is not None and math.isfinite(number)


def _number(text: str) -> float | None:
    """Return the number in a text; None for words, and for 1_000, which is a number only in Python."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _positions(names: Sequence[str], levels: Sequence[str]) -> Int[np.ndarray, " run"]:
    position = {level: index for index, level in enumerate(levels)}
    return np.array([position[name] for name in names])


def _numbers(file: Path, text: TextColumns, name: str) -> Float[np.ndarray, " run"]:
    """Return a column of numbers, NaN if blank or not finite."""
    numbers = [_number(value) if value else math.nan for value in text.columns[name]]
    for row, value, number in zip(text.rows, text.columns[name], numbers, strict=True):
        if number is None:
            raise DataError(f"{file}: row {row} has {value!r} as {name!r}; must be a number with a point, or blank")
    values = np.array(numbers, float)
    return np.where(np.isfinite(values), values, np.nan)


def _outcomes(text: TextColumns, columns: Columns) -> tuple[str, ...]:
    """Return how each run ended: from the outcome column, or else from the text of its response."""
    if columns.outcome:
        return tuple(text.columns[columns.outcome])
    return tuple(f"{columns.response} is {value or 'blank'}" for value in text.columns[columns.response])


def _one_row_a_run(file: Path, text: TextColumns, table: RunTable, *, average: bool) -> RunTable:
    """Return the table with one row per run: repeated rows are averaged, or raise DataError."""
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
        "--average to average them: repeats within a block are not replicates"
    )


def _averaged(table: RunTable, run: Int[np.ndarray, " row"], first: Int[np.ndarray, " run"]) -> RunTable:
    """Return each run once: the means of its rows that have a value, and the levels and outcome of its first row."""

    def mean(values: Float[np.ndarray, " row"]) -> Float[np.ndarray, " run"]:
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
