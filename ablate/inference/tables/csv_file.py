"""Columns of a CSV file as text."""

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from ablate.core.errors import DataError
from ablate.core.plain import visible

MOST_ROWS = 1_000_000
LONGEST = 1_000_000  # characters of a line
SEPARATORS = ",;\t"


def csv_header(file: Path) -> list[str]:
    """Return the names of a CSV file's columns."""
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return _header(_rows(file, stream))


def csv_columns(file: Path, places: Collection[int]) -> tuple[Mapping[int, Sequence[str]], Sequence[int]]:
    """Return the columns at these places, and the line in which each row ends.

    Raises DataError for a row that is longer or shorter than the header, for a long line, and for too many rows.
    """
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = _rows(file, stream)
        width = len(_header(reader))
        lines: list[int] = []
        columns: dict[int, list[str]] = {place: [] for place in places}
        for row in reader:
            if not row:
                continue
            if len(row) != width:
                raise DataError(
                    f"{file}: row {reader.line_num} has {len(row)} values; must have {width}, as the header has"
                )
            lines.append(reader.line_num)
            refuse_many_rows(file, len(lines))
            for place, column in columns.items():
                column.append(visible(row[place].strip()))
    return columns, lines


def refuse_many_rows(file: Path, rows: int) -> None:
    """Raise DataError for a table that has more rows than fit into memory."""
    if rows > MOST_ROWS:
        raise DataError(f"{file}: has more than {MOST_ROWS:,} rows; must have one row per run")


def _rows(file: Path, stream: TextIO) -> "csv.Reader":  # type: ignore[name-defined]  # named only from Python 3.13 on
    separator = _separator(stream.readline(LONGEST))
    stream.seek(0)
    return csv.reader(_lines(file, stream), delimiter=separator, strict=True)


def _header(reader: Iterator[list[str]]) -> list[str]:
    return [name.strip() for name in next(reader, [])]


def _lines(file: Path, stream: TextIO) -> Iterator[str]:
    while line := stream.readline(LONGEST + 1):
        if len(line) > LONGEST:
            raise DataError(f"{file}: has a line of more than {LONGEST:,} characters; must be a table of text")
        yield line


def _separator(header: str) -> str:
    """Return the separator of the header: a comma, unless a semicolon or a tab occurs more often."""
    return max(SEPARATORS, key=header.count)
