"""Reads a table of runs from a file for inference."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from ablate.core.errors import DataError, SpecError
from ablate.inference.factor_levels import FactorLevels, is_on_log_scale
from ablate.inference.run_table import RunTable
from ablate.inference.tables.column_names import seed_columns
from ablate.inference.tables.columns import Columns
from ablate.inference.tables.dropped_rows import (
    PARENT_ID,
    RUN_ID,
    is_parent,
    is_repeated_attempt,
    is_without_place,
)
from ablate.inference.tables.levels import factor_levels, numeric_spellings, refuse_words, sorted_levels
from ablate.inference.tables.numbers import are_ambiguous, decimal_commas, number, with_point
from ablate.inference.tables.spellings import simplest_spellings, spelling_notes
from ablate.inference.tables.states import STATE_COLUMNS, Endings, counted_states, endings
from ablate.inference.tables.text import TextColumns, brief, counted_rows, read_header, read_text

FEWEST_ROWS = 2
OPTIONAL = {*STATE_COLUMNS, RUN_ID, PARENT_ID}


def read_runs(file: Path, columns: Columns) -> RunTable:
    """Return the runs of a table with one row per run, with the response that is judged; see `read_responses`."""
    return read_responses(file, replace(columns, secondary=()))[0]


def read_responses(file: Path, columns: Columns) -> tuple[RunTable, ...]:
    """Return the runs of a table with one row per run: once with the response, and once with each secondary one.

    Equal numbers that are written differently are one level; other levels are compared as text. A run whose response
    is blank, NaN or infinite has no response, and neither has one whose state says that it failed. It stays in the
    table, and its outcome says why. `notes` of the table say what was changed. Raises DataError for a file that is not
    such a table, a blank level or block, a response that is not a number or never finite, a factor with one level or
    too many, and rows that repeat a cell in a block, unless they are averaged; SpecError without a choice of the block.
    """
    if columns.block is None:
        raise SpecError(_missing_block(file))
    text, notes = _without_parents(read_text(file, columns.names, OPTIONAL))
    text, ended, placed = _with_places(file, text, columns)
    text, plain = _with_plain_values(file, text, columns)
    factors = tuple(factor_levels(file, text, name, columns) for name in columns.factors)
    tables = [_table(file, text, columns, factors, ended, response) for response in columns.responses]
    run = tables[0].cell * len(tables[0].blocks) + tables[0].block
    is_attempt = is_repeated_attempt(run, ended.has_result)
    if attempts := int(is_attempt.sum()):
        notes += (f"left out: {counted_rows(attempts)} without a result, where another row stands for the same run.",)
    notes = (*notes, *placed, *plain, *_trend_notes(factors))
    rows = np.array(text.rows)[~is_attempt]
    return tuple(
        replace(_one_row_a_run(file, rows, table.only(~is_attempt), average=columns.average), notes=notes)
        for table in tables
    )


def _missing_block(file: Path) -> str:
    seeds = seed_columns(read_header(file))
    columns = f"; the table has {', '.join(map(repr, seeds))}" if seeds else ""
    return (
        f"--block is missing{columns}; name the column whose value is the same in runs that are compared, usually the "
        f"seed: --block {seeds[0] if seeds else 'seed'}. If no two runs share a seed, give --block none"
    )


def _without_parents(text: TextColumns) -> tuple[TextColumns, tuple[str, ...]]:
    parents = is_parent(text)
    if not parents.any():
        return text, ()
    note = f"left out: {counted_rows(int(parents.sum()))} of parents, whose nested runs are in other rows."
    return text.only(~parents), (note,)


def _with_places(file: Path, text: TextColumns, columns: Columns) -> tuple[TextColumns, Endings, tuple[str, ...]]:
    """Return the rows that have levels and a block, how they ended, and notes on both."""
    ended = endings(text, columns)
    is_unplaced = is_without_place(text, columns.keys)
    dropped = is_unplaced & ~ended.has_result
    notes = ended.notes
    if dropped.any():
        words = [word for word, is_dropped in zip(ended.words, dropped, strict=True) if is_dropped]
        left_out = counted_rows(len(words))
        notes += (f"left out: {left_out} without a result that lack a level or a block: {counted_states(words)}.",)
        text = text.only(~dropped)
        ended = replace(
            ended,
            words=tuple(word for word, is_dropped in zip(ended.words, dropped, strict=True) if not is_dropped),
            has_result=ended.has_result[~dropped],
        )
    if len(text.rows) < FEWEST_ROWS:
        count = {0: "no row", 1: "one row"}[len(text.rows)]
        raise DataError(f"{file}: has {count} of a run; must have one row per run, at least {FEWEST_ROWS}")
    for name in columns.keys:
        _refuse_blanks(file, text, name)
    return text, ended, notes


def _refuse_blanks(file: Path, text: TextColumns, name: str) -> None:
    for row, value in zip(text.rows, text.columns[name], strict=True):
        if not value:
            raise DataError(f"{file}: row {row} has no {name!r}; give every run a level of every factor and a block")


def _with_plain_values(file: Path, text: TextColumns, columns: Columns) -> tuple[TextColumns, tuple[str, ...]]:
    """Return the columns with points in numbers and one spelling of equal levels, and notes on what changed."""
    values, notes = dict(text.columns), []
    with_comma = [text for name in columns.numbers for text in decimal_commas(values[name])]
    if with_comma and are_ambiguous(with_comma):
        raise DataError(
            f"{file}: {with_comma[0]!r} can be {with_point(with_comma[0])} or {with_comma[0].replace(',', '')}; "
            "write numbers with a point and without separators of thousands"
        )
    if with_comma:
        changed = [name for name in (*columns.numbers, *columns.keys) if decimal_commas(values[name])]
        for name in changed:
            values[name] = [with_point(value) for value in values[name]]
        notes.append(f"commas are decimal commas, as in {with_comma[0]}, in {', '.join(map(repr, changed))}.")
    pointed = replace(text, columns=values)
    for name in columns.keys:
        if name in columns.numeric:
            refuse_words(file, pointed, name)
            spellings: Mapping[str, str] = numeric_spellings(values[name])
        else:
            spellings = simplest_spellings(values[name])
            notes += spelling_notes(name, spellings)
        values[name] = [spellings[value] for value in values[name]]
    return replace(text, columns=values), tuple(notes)


def _trend_notes(factors: Sequence[FactorLevels]) -> Iterator[str]:
    for factor in factors:
        if factor.numeric:
            is_log = is_on_log_scale(factor)
            scale, second = ("log10", "linear") if is_log else ("linear", "log")
            reason = f"; --numeric {factor.path}={second} uses a {second} one" if factor.scale is None else ""
            yield f"factor {factor.path!r} is numeric: its trend is tested on a {scale} scale{reason}."


def _table(
    file: Path,
    text: TextColumns,
    columns: Columns,
    factors: tuple[FactorLevels, ...],
    ended: Endings,
    response: str,
) -> RunTable:
    blocks, block = _blocks(text, columns)
    values = _numbers(file, text, response)
    table = RunTable(
        factors=factors,
        blocks=blocks,
        levels=np.column_stack([_positions(text.columns[factor.path], factor.levels) for factor in factors]),
        block=block,
        response=np.where(ended.has_result, values, np.nan),
        outcome=tuple(_outcomes(text.columns[response], ended, response)),
        mediators={name: _numbers(file, text, name) for name in columns.mediators if name != response},
    )
    if not table.defined.any():
        lost = [word for word, is_result in zip(ended.words, ended.has_result, strict=True) if not is_result]
        states = f" from a run that finished ({counted_states(lost)})" if lost else ""
        raise DataError(f"{file}: no row has a finite {response!r}{states}; there is nothing to analyze")
    return table


def _blocks(text: TextColumns, columns: Columns) -> tuple[tuple[str, ...], Int[np.ndarray, " run"]]:
    """Return the names of the blocks, and each row's; without a block column each row is one, named by its number."""
    if not columns.has_blocks or columns.block is None:
        return tuple(map(str, text.rows)), np.arange(len(text.rows))
    blocks = sorted_levels(text.columns[columns.block])
    return blocks, _positions(text.columns[columns.block], blocks)


def _positions(names: Sequence[str], levels: Sequence[str]) -> Int[np.ndarray, " run"]:
    position = {level: index for index, level in enumerate(levels)}
    return np.array([position[name] for name in names])


def _numbers(file: Path, text: TextColumns, name: str) -> Float[np.ndarray, " run"]:
    """Return a column of numbers, NaN if blank or not finite."""
    numbers = [number(value) if value else math.nan for value in text.columns[name]]
    for row, value, parsed in zip(text.rows, text.columns[name], numbers, strict=True):
        if parsed is None:
            raise DataError(
                f"{file}: row {row} has {brief(value)!r} as {name!r}; must be a number with a point, or blank"
            )
    values = np.array(numbers, float)
    return np.where(np.isfinite(values), values, np.nan)


def _outcomes(values: Sequence[str], ended: Endings, response: str) -> Iterator[str]:
    """Yield how each run ended: the word of its state, or else the text of its response."""
    for value, word in zip(values, ended.words, strict=True):
        yield word or f"undefined: {response} is {value or 'blank'}"


def _one_row_a_run(file: Path, rows: Int[np.ndarray, " row"], table: RunTable, *, average: bool) -> RunTable:
    """Return the table with one row per run: repeated rows are averaged, or raise DataError."""
    run = table.cell * len(table.blocks) + table.block
    repeats: Bool[np.ndarray, " row"] = pd.Series(run).duplicated().to_numpy(bool)
    if not repeats.any():
        return table
    if average:
        return _averaged(table, run, np.flatnonzero(~repeats))
    row = int(np.flatnonzero(repeats)[0])
    names = ", ".join(f"{f.path} {f.levels[i]}" for f, i in zip(table.factors, table.levels[row], strict=True))
    raise DataError(
        f"{file}: {int(repeats.sum())} rows repeat a combination of levels in a block, first row {rows[row]} "
        f"({brief(names)}, block {table.blocks[table.block[row]]}); name the factor or block that tells them apart, or "
        "give --average to average them: repeats within a block are not replicates"
    )


def _averaged(table: RunTable, run: Int[np.ndarray, " row"], first: Int[np.ndarray, " run"]) -> RunTable:
    """Return each run once: the means of its rows that have a value, and the levels and outcome of its first row."""

    def mean(values: Float[np.ndarray, " row"]) -> Float[np.ndarray, " run"]:
        means: np.ndarray = pd.Series(values).groupby(run).transform("mean").to_numpy()[first]
        return means

    return replace(
        table,
        levels=table.levels[first],
        block=table.block[first],
        response=mean(table.response),
        outcome=tuple(table.outcome[row] for row in first),
        mediators={name: mean(values) for name, values in table.mediators.items()},
    )
