"""The schema of study files and stored results: its number, and what changed with each number.

A tree is a mapping of plain values, as YAML and JSON hold it. Four kinds of change keep every stored tree valid:

- a renamed key is renamed, and so is a renamed value;
- a field whose default changed gets its old default, so that an old tree keeps its meaning;
- a removed field vanishes where it has its default. Elsewhere the tree belongs to an older version (OlderVersionError).

A new field with a default needs no entry: it changes neither a tree nor the identity of a run.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ablate.core.errors import Fault, SpecError
from ablate.storage.records import SCHEMA

NUMBER = "schema"
"""Key of the number in every file. A file without it is of schema 1, which wrote none."""
ANY = "*"


@dataclass(frozen=True)
class Rename:
    """The key at `path` is called `name` now. In a path, `*` stands for any key."""

    path: str
    name: str


@dataclass(frozen=True)
class NewValue:
    """The value `before` at `path` is written `after` now."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True)
class NewDefault:
    """The field at `path` had the default `before`. With `kind`, only blocks of that kind have the field.

    `is_default_kind` says that a tree without the whole block means a block of that kind.
    """

    path: str
    before: Any
    kind: str | None = None
    is_default_kind: bool = True


@dataclass(frozen=True)
class Removal:
    """The field at `path` is gone; it had the default `default`."""

    path: str
    default: Any


Change = Rename | NewValue | NewDefault | Removal


@dataclass(frozen=True)
class Step:
    """The changes that one schema number brought: to a run, and to the rest of a study."""

    run: Sequence[Change] = ()
    study: Sequence[Change] = ()


STEPS: Mapping[int, Step] = {
    2: Step(
        run=(
            Rename("data.canvas", "frame_size"),
            Rename("data.binarise", "binarize"),
            Rename("model.initialisation", "initialization"),
            Rename("model.normalisation", "normalization"),
            Rename("training.optimiser", "optimizer"),
            Rename("evaluation.views.*.truth_offset", "target_offset"),
            NewValue("model.kind", "copy_last", "persistence"),
        ),
        study=(
            Rename("response.measure", "metric"),
            NewValue("analysis.interval", "studentised", "studentized"),
        ),
    ),
}


def schema_number(tree: Any) -> int:
    """Return the number of the schema that a tree was written in. Raises SpecError for a number that is unknown."""
    number = tree.get(NUMBER, 1) if isinstance(tree, Mapping) else 1
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        text = f"found {number!r}; must be a whole number from 1 to {SCHEMA}, without quotes"
        raise SpecError.of([Fault((NUMBER,), text)])
    if number > SCHEMA:
        text = f"found {number}; this version reads 1 to {SCHEMA}; install a newer Ablate for a newer file"
        raise SpecError.of([Fault((NUMBER,), text)])
    return number


def current_path(path: str, steps: Mapping[int, Step] = STEPS, *, of_study: bool = False) -> str:
    """Return the path of a run's field, or of a study's with `of_study`, in the names of today."""
    for step in steps.values():
        path = renamed_path(path, step.study if of_study else step.run)
    return path


def rename_within(text: str, steps: Mapping[int, Step] = STEPS) -> str:
    """Rename every path of a run that occurs in `text` after a dot, as in design.only_when.model.head.model.kind."""
    for step in steps.values():
        for change in step.run:
            if isinstance(change, Rename) and ANY not in change.path:
                current = renamed_path(change.path, [change])
                text = re.sub(rf"(?<=\.){re.escape(change.path)}(?=\.|$)", current, text)
    return text


def renamed_path(path: str, changes: Sequence[Change]) -> str:
    """Return a path of a run in the names that these changes bring."""
    keys = path.split(".")
    for change in changes:
        if isinstance(change, Rename):
            pattern = change.path.split(".")
            if matches(keys[: len(pattern)], pattern):
                keys[len(pattern) - 1] = change.name
    return ".".join(keys)


def matches(keys: Sequence[Any], pattern: Sequence[str]) -> bool:
    """Return whether keys are those of a pattern, in which ANY stands for any key."""
    return len(keys) == len(pattern) and all(
        expected in (ANY, key) for key, expected in zip(keys, pattern, strict=True)
    )
