"""Columns of a CSV or Parquet file as text."""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from ablate.core.errors import DataError, did_you_mean
from ablate.core.plain import visible

if TYPE_CHECKING:
    from pyarrow import ChunkedArray, Field

MOST_ROWS = 1_000_000
LONGEST = 1_000_000  # characters of a line
SEPARATORS = ",;\t"
PREFIXES = ("params.", "metrics.", "tags.", "config.", "summary.")
"""Prefixes of the column names in exports of MLflow and W&B."""
MAX_COLUMNS_LISTED = 20  # an error with more column names is not read


@dataclass(frozen=True)
class TextColumns:
    """Columns by their requested names, and the number of each row: in a CSV file, the line where the row ends.

    Blank and missing values are empty texts.
    """

    columns: Mapping[str, Sequence[str]]
    rows: Sequence[int]


def read_text(file: Path, names: Sequence[str]) -> TextColumns:
    """Return the named columns. A name may lack the prefix of MLflow or W&B: `kernel` finds `params.kernel`.

    Raises DataError for a file that cannot be read or is not a table, for a missing or repeated column, for a row that
    is longer or shorter than the header, and for more than a million rows.
    """
    if not file.is_file():
        raise DataError(f"{file}: there is no such file" if not file.exists() else f"{file}: this is not a file")
    ending = file.suffix.lower()
    if ending not in {".csv", ".tsv", ".parquet"}:
        raise DataError(f"{file}: ends in {ending or 'nothing'!r}; must be a table that ends in .csv, .tsv or .parquet")
    try:
        text = _parquet(file, names) if ending == ".parquet" else _csv(file, names)
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: is not in UTF-8 ({error.reason}); save it as CSV in UTF-8") from error
    except (OSError, csv.Error) as error:
        raise DataError(f"{file}: cannot be read: {error}") from error
    if not text.rows:
        raise DataError(f"{file}: has no rows; must have one row per run")
    return text


def _csv(file: Path, names: Sequence[str]) -> TextColumns:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        separator = _separator(stream.readline(LONGEST))
        stream.seek(0)
        reader = csv.reader(_lines(file, stream), delimiter=separator, strict=True)
        header = [name.strip() for name in next(reader, [])]
        places = _places(file, header, names)
        rows: list[int] = []
        columns: dict[str, list[str]] = {name: [] for name in names}
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                raise DataError(
                    f"{file}: row {reader.line_num} has {len(row)} values; must have {len(header)}, as the header has"
                )
            rows.append(reader.line_num)
            _bounded(file, len(rows))
            for name, place in places.items():
                columns[name].append(visible(row[place].strip()))
    return TextColumns(columns, rows)


def _lines(file: Path, stream: TextIO) -> Iterator[str]:
    while line := stream.readline(LONGEST + 1):
        if len(line) > LONGEST:
            raise DataError(f"{file}: has a line of more than {LONGEST:,} characters; must be a table of text")
        yield line


def _separator(header: str) -> str:
    """Return the separator of the header: a comma, unless a semicolon or a tab occurs more often."""
    return max(SEPARATORS, key=header.count)


def _parquet(file: Path, names: Sequence[str]) -> TextColumns:
    from pyarrow import ArrowException, parquet, types  # noqa: PLC0415  # takes longer to load than a CSV file to read

    try:
        with parquet.ParquetFile(file) as table:
            _bounded(file, table.metadata.num_rows)
            schema = table.schema_arrow
            fields = {name: schema.field(place) for name, place in _places(file, schema.names, names).items()}
        _refuse_nested(file, fields.values())
        of_words = (types.is_string, types.is_large_string)
        words = [field.name for field in fields.values() if any(is_words(field.type) for is_words in of_words)]
        # words are read as a dictionary with indices: a small file may repeat a long word a million times
        with parquet.ParquetFile(file, read_dictionary=words) as table:
            read = table.read(columns=sorted({field.name for field in fields.values()}))
    except ArrowException as error:
        raise DataError(f"{file}: cannot be read as Parquet: {error}") from error
    columns = {name: list(_texts(read.column(field.name))) for name, field in fields.items()}
    return TextColumns(columns, range(1, read.num_rows + 1))


def _refuse_nested(file: Path, fields: Iterable["Field"]) -> None:
    from pyarrow import types  # noqa: PLC0415  # as above

    plain = (
        types.is_primitive,
        types.is_decimal,
        types.is_null,
        types.is_string,
        types.is_large_string,
        types.is_dictionary,
    )
    for field in fields:
        if not any(is_plain(field.type) for is_plain in plain):
            raise DataError(f"{file}: column {field.name!r} holds {field.type}; must be numbers or words")


def _texts(column: "ChunkedArray") -> Iterator[str]:
    """Yield every value as text; equal words are one object."""
    from pyarrow import types  # noqa: PLC0415  # as above

    for chunk in column.chunks:
        if types.is_dictionary(chunk.type):
            names = [_text(value) for value in chunk.dictionary.to_pylist()]
            yield from ("" if place is None else names[place] for place in chunk.indices.to_pylist())
        else:
            yield from map(_text, chunk.to_pylist())


def _text(value: Any) -> str:
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if missing else visible(str(value).strip())


def _bounded(file: Path, rows: int) -> None:
    if rows > MOST_ROWS:
        raise DataError(f"{file}: has more than {MOST_ROWS:,} rows; must have one row per run")


def _places(file: Path, header: Sequence[str], names: Iterable[str]) -> dict[str, int]:
    """Return the position of each named column."""
    if not any(header):
        raise DataError(f"{file}: is empty; must have a header and one row per run")
    return {name: _place(file, header, name) for name in names}


def _place(file: Path, header: Sequence[str], name: str) -> int:
    for known in (name, *(prefix + name for prefix in PREFIXES)):
        places = [place for place, column in enumerate(header) if column == known]
        if len(places) > 1:
            raise DataError(f"{file}: has {len(places)} columns {known!r}; must have one of that name")
        if places:
            return places[0]
    raise DataError(f"{file}: has no column {name!r}{did_you_mean(name, _short(header))}; its columns: {_list(header)}")


def _short(header: Iterable[str]) -> list[str]:
    """Return the names with and without their prefixes."""
    return [form for name in header for form in _forms(name)]


def _forms(name: str) -> Iterator[str]:
    yield name
    yield from (name.removeprefix(prefix) for prefix in PREFIXES if name.startswith(prefix))


def _list(header: Sequence[str]) -> str:
    more = f" and {len(header) - MAX_COLUMNS_LISTED} more" if len(header) > MAX_COLUMNS_LISTED else ""
    return ", ".join(header[:MAX_COLUMNS_LISTED]) + more
