"""Columns of a Parquet file as text, or as dictionaries."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.core.errors import DataError
from ablate.core.plain import visible
from ablate.inference.tables.csv_file import refuse_many_rows
from ablate.inference.tables.dictionaries import Cell

if TYPE_CHECKING:
    from pyarrow import ChunkedArray, DataType, Field
    from pyarrow.parquet import ParquetFile

MOST_ITEMS = 10_000_000  # values in all lists of a column: ten for each of the most rows
LONGEST_LIST = 10_000  # characters of a list as text: a level is a few kernel sizes, not an image
BATCH = 1_000  # rows of lists in memory at a time


def parquet_header(file: Path) -> list[str]:
    """Return the names of a Parquet file's columns."""
    from pyarrow import ArrowException, parquet  # noqa: PLC0415  # takes longer to load than a CSV file to read

    try:
        with parquet.ParquetFile(file) as table:
            refuse_many_rows(file, table.metadata.num_rows)
            return list(table.schema_arrow.names)
    except ArrowException as error:
        raise _unreadable(file, error) from error


def parquet_columns(file: Path, places: Collection[int]) -> tuple[Mapping[int, Sequence[Cell]], Sequence[int]]:
    """Return the columns at these places, and the number of each row. A list is text; a struct is a dictionary.

    Raises DataError for a column that holds neither numbers, words, lists nor structs, and for lists that are too long.
    """
    from pyarrow import ArrowException, parquet, types  # noqa: PLC0415  # as above

    try:
        with parquet.ParquetFile(file) as table:
            fields = {place: table.schema_arrow.field(place) for place in places}
            rows = range(1, table.metadata.num_rows + 1)
            is_nested = {place: _is_nested(file, field) for place, field in fields.items()}
            nested = {place: list(_nested(file, table, field)) for place, field in fields.items() if is_nested[place]}
        of_words = (types.is_string, types.is_large_string)
        plain = {place: field for place, field in fields.items() if not is_nested[place]}
        words = [field.name for field in plain.values() if any(is_words(field.type) for is_words in of_words)]
        # words are read as a dictionary with indices: a small file may repeat a long word a million times
        with parquet.ParquetFile(file, read_dictionary=words) as table:
            read = table.read(columns=sorted({field.name for field in plain.values()}))
    except (ArrowException, ValueError) as error:  # ValueError: a struct that has one key twice
        raise _unreadable(file, error) from error
    texts = {place: list(_texts(read.column(field.name))) for place, field in plain.items()}
    return {**texts, **nested}, rows


def _unreadable(file: Path, error: Exception) -> DataError:
    return DataError(f"{file}: cannot be read as Parquet: {error}")


def _is_nested(file: Path, field: "Field") -> bool:
    """Return whether a column holds lists or structs. Raises DataError for bytes and the like."""
    from pyarrow import types  # noqa: PLC0415  # as above

    plain = (
        types.is_primitive,
        types.is_decimal,
        types.is_null,
        types.is_string,
        types.is_large_string,
        types.is_dictionary,
    )
    if any(is_plain(field.type) for is_plain in plain):
        return False
    if _is_list(field.type) or types.is_struct(field.type):
        return True
    raise DataError(f"{file}: column {field.name!r} holds {field.type}; must be numbers, words, or lists of them")


def _is_list(kind: "DataType") -> bool:
    from pyarrow import types  # noqa: PLC0415  # as above

    return any(is_list(kind) for is_list in (types.is_list, types.is_large_list, types.is_fixed_size_list))


def _nested(file: Path, table: "ParquetFile", field: "Field") -> Iterator[Cell]:
    """Yield every list of a column as text, and every struct as a dictionary; equal texts are one object."""
    _refuse_many_items(file, table, field)
    known: dict[str, str] = {}
    for batch in table.iter_batches(batch_size=BATCH, columns=[field.name]):
        for value in batch.column(0).to_pylist():
            if value is None or isinstance(value, Mapping):
                yield value
                continue
            text = _text(value)
            if len(text) > LONGEST_LIST:
                raise DataError(
                    f"{file}: column {field.name!r} has a list of {len(text):,} characters; must be short enough for a "
                    f"level, {LONGEST_LIST:,} at most"
                )
            yield known.setdefault(text, text)


def _refuse_many_items(file: Path, table: "ParquetFile", field: "Field") -> None:
    """Raise DataError for lists and structs that hold too much; the file's metadata counts their values."""
    groups = [table.metadata.row_group(position) for position in range(table.metadata.num_row_groups)]
    items = sum(
        group.column(position).num_values
        for group in groups
        for position in range(group.num_columns)
        if group.column(position).path_in_schema.startswith(f"{field.name}.")
    )
    if items > MOST_ITEMS:
        raise DataError(
            f"{file}: column {field.name!r} has {items:,} values in lists; must have {MOST_ITEMS:,} at most"
        )


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
