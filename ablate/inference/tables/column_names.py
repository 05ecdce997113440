"""Columns by their short names: `kernel` finds params.kernel of MLflow and params_kernel of Optuna."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ablate.core.errors import DataError, did_you_mean

PREFIXES = ("params.", "metrics.", "tags.", "config.", "summary.", "params_", "user_attrs_", "config/")
"""Prefixes of the column names in exports of MLflow, W&B, Optuna and Ray Tune."""
DICTIONARIES = ("config", "summary", "params", "metrics", "user_attrs", "hyperparameters")
"""Columns that may hold a dictionary: W&B's documented export has config and summary."""
SEED_WORDS = {"block", "fold", "random_state", "rep", "repeat", "replicate", "rng"}
MAX_COLUMNS_LISTED = 20  # an error with more column names is not read


def find_columns(file: Path, header: Sequence[str], names: Iterable[str]) -> Mapping[str, int]:
    """Return the position of each named column; a name that no column has is left out.

    A column of the very name comes before columns with a prefix. Raises DataError for an empty header, and for a name
    that fits several columns.
    """
    if not any(header):
        raise DataError(f"{file}: is empty; must have a header and one row per run")
    places = {name: _place(file, header, name) for name in names}
    return {name: place for name, place in places.items() if place is not None}


def _place(file: Path, header: Sequence[str], name: str) -> int | None:
    if exact := [place for place, column in enumerate(header) if column == name]:
        if len(exact) > 1:
            raise DataError(f"{file}: has {len(exact)} columns {name!r}; must have one of that name")
        return exact[0]
    prefixed = [place for place, column in enumerate(header) if name in _forms(column)]
    if len(prefixed) > 1:
        raise DataError(ambiguous(file, name, [header[place] for place in prefixed]))
    return prefixed[0] if prefixed else None


def ambiguous(file: Path, name: str, candidates: Sequence[str]) -> str:
    """Return the error for a name that fits several columns."""
    if len(set(candidates)) == 1:
        return f"{file}: has {len(candidates)} columns {candidates[0]!r}; must have one of that name"
    return (
        f"{file}: {name!r} can be {' or '.join(map(repr, candidates))}; write the whole name of the one that you mean"
    )


def missing(file: Path, name: str, header: Sequence[str], keys: Sequence[str]) -> str:
    """Return the error for a name that fits no column, and no key in a column of dictionaries."""
    short = [form for column in (*header, *keys) for form in _forms(column)]
    more = f"; the keys in its dictionaries: {_list(keys)}" if keys else ""
    return f"{file}: has no column {name!r}{did_you_mean(name, short)}; its columns: {_list(header)}{more}"


def seed_columns(header: Iterable[str]) -> list[str]:
    """Return the columns that look like a seed by their names."""
    return [column for column in header if _looks_like_a_seed(column)]


def _looks_like_a_seed(column: str) -> bool:
    forms = [form.lower() for form in _forms(column)]
    return any("seed" in re.split(r"[^a-z]+", form) or form in SEED_WORDS for form in forms)


def _forms(name: str) -> Iterator[str]:
    """Yield a column's name with and without its prefix."""
    yield name
    yield from (name.removeprefix(prefix) for prefix in PREFIXES if name.startswith(prefix))


def _list(header: Sequence[str]) -> str:
    more = f" and {len(header) - MAX_COLUMNS_LISTED} more" if len(header) > MAX_COLUMNS_LISTED else ""
    return ", ".join(header[:MAX_COLUMNS_LISTED]) + more
