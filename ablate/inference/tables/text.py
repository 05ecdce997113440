"""Columns of a table of runs as text, by the names that a user gives them."""

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from ablate.core.errors import DataError
from ablate.inference.tables.column_names import DICTIONARIES, find_columns, missing
from ablate.inference.tables.csv_file import csv_columns, csv_header
from ablate.inference.tables.dictionaries import Cell, Dictionaries
from ablate.inference.tables.parquet_file import parquet_columns, parquet_header

ENDINGS = (".csv", ".tsv", ".parquet")
LONGEST_QUOTED = 60  # characters of a level in a message


@dataclass(frozen=True)
class TextColumns:
    """Columns by their requested names, and the number of each row: in a CSV file, the line where the row ends.

    Blank and missing values are empty texts. `optional` holds columns that no option names, by their names in the file.
    """

    columns: Mapping[str, Sequence[str]]
    rows: Sequence[int]
    optional: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def only(self, chosen: Bool[np.ndarray, " row"]) -> "TextColumns":
        """Return the rows that are chosen."""
        return TextColumns(
            {name: list(compress(values, chosen)) for name, values in self.columns.items()},
            list(compress(self.rows, chosen)),
            {name: list(compress(values, chosen)) for name, values in self.optional.items()},
        )


def brief(text: str) -> str:
    """Return a text that fits into a message."""
    return text if len(text) <= LONGEST_QUOTED else f"{text[: LONGEST_QUOTED - 3]}..."


def counted_rows(count: int) -> str:
    """Return `1 row`, `2 rows`."""
    return f"{count:,} row{'' if count == 1 else 's'}"


def read_header(file: Path) -> list[str]:
    """Return the names of a file's columns. Raises DataError for a file that cannot be read or is not a table."""
    if not file.is_file():
        raise DataError(f"{file}: there is no such file" if not file.exists() else f"{file}: this is not a file")
    ending = file.suffix.lower()
    if ending not in ENDINGS:
        raise DataError(f"{file}: ends in {ending or 'nothing'!r}; must be a table that ends in .csv, .tsv or .parquet")
    try:
        return parquet_header(file) if ending == ".parquet" else csv_header(file)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(file, error) from error


def read_text(file: Path, names: Sequence[str], optional: Collection[str] = ()) -> TextColumns:
    """Return the named columns, and those whose name is `optional` in any case.

    A name may lack the prefix of an export: `kernel` finds params.kernel, and a key in a column of dictionaries.
    Raises DataError for a file that cannot be read or is not a table, for a missing, repeated or ambiguous column, for
    a row that is longer or shorter than the header, and for more than a million rows.
    """
    header = read_header(file)
    places = find_columns(file, header, names)
    extra = {column: place for place, column in enumerate(header) if column.lower() in optional}
    sought = [name for name in names if name not in places]
    dictionaries = _dictionaries(header) if sought else {}
    if sought and not dictionaries:
        raise DataError(missing(file, sought[0], header, ()))
    columns, rows = _columns(file, {*places.values(), *extra.values(), *dictionaries.values()})
    if not rows:
        raise DataError(f"{file}: has no rows; must have one row per run")
    values = {name: _texts(columns[place]) for name, place in places.items()}
    contents = Dictionaries(file, {name: columns[place] for name, place in dictionaries.items()}, rows)
    for name in sought:
        if (entries := contents.find(name)) is None:
            raise DataError(missing(file, name, header, contents.keys))
        values[name] = entries
    return TextColumns(values, rows, {column: _texts(columns[place]) for column, place in extra.items()})


def _columns(file: Path, places: Collection[int]) -> tuple[Mapping[int, Sequence[Cell]], Sequence[int]]:
    try:
        if file.suffix.lower() == ".parquet":
            return parquet_columns(file, places)
        return csv_columns(file, places)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> DataError:
    if isinstance(error, UnicodeDecodeError):
        return DataError(f"{file}: is not in UTF-8 ({error.reason}); save it as CSV in UTF-8")
    return DataError(f"{file}: cannot be read: {error}")


def _dictionaries(header: Sequence[str]) -> Mapping[str, int]:
    return {column: place for place, column in enumerate(header) if column.lower() in DICTIONARIES}


def _texts(cells: Sequence[Cell]) -> Sequence[str]:
    """Return cells as text: a struct as Python writes a dictionary."""
    return [cell if isinstance(cell, str) else str(cell or "") for cell in cells]
