"""Columns that hold one dictionary per row, as W&B's export has: read as JSON or as a Python literal, never run."""

import ast
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ablate.core.errors import DataError
from ablate.core.plain import visible
from ablate.inference.tables.column_names import ambiguous

LONGEST_LITERAL = 100_000  # characters; a configuration has a few thousand, and Python's parser takes 100 times as much
DEEPEST = 20  # dictionaries inside each other; deeper ones stay one value
MAX_KEYS_LISTED = 50  # keys in an error
Cell = str | Mapping[str, Any] | None
"""A cell of such a column: text, a struct of Parquet, or nothing."""

_PYTHON_NUMBERS = re.compile(r"\bnp\.\w+\(([^()]*)\)")  # NumPy 2 writes np.float64(0.5)
_NOT_FINITE = re.compile(r"(?<=[:,\[(\s])(-?)(nan|inf)(?=\s*[,}\])])")  # str() writes these words; no literal has them


class Dictionaries:
    """The dictionaries of some columns, and the values of the sought names in them."""

    def __init__(self, file: Path, columns: Mapping[str, Sequence[Cell]], rows: Sequence[int]) -> None:
        self.file = file
        self.columns = {
            column: [_entries(file, column, row, cell) for row, cell in zip(rows, cells, strict=True)]
            for column, cells in columns.items()
            if _starts_like_a_dictionary(cells)
        }

    @property
    def keys(self) -> list[str]:
        """The first keys of all dictionaries."""
        keys: dict[str, None] = {}
        for column, entries in self.columns.items():
            for entry in entries:
                keys |= dict.fromkeys(f"{column}.{key}" for key in entry)
                if len(keys) > MAX_KEYS_LISTED:
                    return list(keys)[:MAX_KEYS_LISTED]
        return list(keys)

    def find(self, name: str) -> Sequence[str] | None:
        """Return the values of a key as text, blank where a row lacks it; None if no dictionary has it.

        Raises DataError if the dictionaries of several columns have it.
        """
        candidates = [(column, key) for column in self.columns for key in self._keys_of(column, name)]
        if len(candidates) > 1:
            raise DataError(ambiguous(self.file, name, [f"{column}.{key}" for column, key in candidates]))
        if not candidates:
            return None
        ((column, key),) = candidates
        return [_text(entry.get(key)) for entry in self.columns[column]]

    def _keys_of(self, column: str, name: str) -> list[str]:
        """Return the keys of a column that a name stands for: the name itself, or without the column's name."""
        forms = dict.fromkeys((name, name.removeprefix(f"{column}.")))
        return [form for form in forms if any(form in entry for entry in self.columns[column])]


def _starts_like_a_dictionary(cells: Sequence[Cell]) -> bool:
    """Return whether the first cell with a content is a dictionary: a column `config` may hold names as well."""
    first = next((cell for cell in cells if cell), "")
    return isinstance(first, Mapping) or first.startswith("{")


def _entries(file: Path, column: str, row: int, cell: Cell) -> Mapping[str, Any]:
    """Return the entries of one dictionary, with a dotted key for each entry of a dictionary inside it."""
    if not cell:
        return {}
    try:
        content = cell if isinstance(cell, Mapping) else _parsed(cell)
        if isinstance(content, Mapping):
            return dict(_flat(content, "", DEEPEST))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):  # whatever a hostile text causes
        pass
    raise DataError(f"{file}: row {row} has no dictionary as {column!r}; must be one in JSON, or as Python writes it")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        if len(text) > LONGEST_LITERAL:
            raise
    plain = _PYTHON_NUMBERS.sub(r"\1", text)
    return ast.literal_eval(_NOT_FINITE.sub(lambda word: "None" if word[2] == "nan" else f"{word[1]}1e999", plain))


def _flat(content: Mapping[Any, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping) and set(value) in ({"value"}, {"value", "desc"}):
            yield f"{prefix}{key}", value["value"]  # a file config.yaml of W&B, as JSON
        elif isinstance(value, Mapping) and value and depth:
            yield from _flat(value, f"{prefix}{key}.", depth - 1)
        else:
            yield f"{prefix}{key}", value


def _text(value: Any) -> str:
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if missing else visible(str(value).strip())
