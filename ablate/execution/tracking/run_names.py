"""Short names of runs and cells, such as "k3 · mse · s21", for tables where a whole title does not fit."""

import re
from collections.abc import Mapping, Sequence

from ablate.study import StudySpec

BASE, SEPARATOR = "base", " · "
GENERIC = frozenset({"size", "kind", "count", "type"})
"""Words of a path that say nothing about the factor: kernel_size is abbreviated as k."""
LONGEST = 24  # characters of a level; three of them fit in a column of MLflow's table
NO_COLUMN = re.compile(r"[^\w\-. :/]", re.ASCII)
"""Characters that MLflow refuses in the name of a parameter."""
BETWEEN_NUMBERS = re.compile(r"(?<=\d) (?:and|to|x) (?=\d)")
NUMBER_WITH_UNIT = re.compile(r"([\d.,-]+) [a-z]+", re.IGNORECASE)
NO_WORD = re.compile(r"[\W\d_]*|yes|no|none", re.IGNORECASE)
"""A level that says nothing without its factor."""


def run_name(study: StudySpec, levels: Mapping[str, str], seed: int) -> str:
    """Return the short name of a run: that of its cell, and its seed."""
    return f"{cell_name(study, levels)}{SEPARATOR}s{seed}"


def cell_name(study: StudySpec, levels: Mapping[str, str]) -> str:
    """Return the levels of a cell that differ from the baseline, in short; "base" if there is none.

    A level in words stands for itself ("mse"). A number gets the letter of its factor ("k3"), and so does a level whose
    word is a level of another factor too.
    """
    letters = abbreviations({path: factor.title for path, factor in study.factors.items()})
    names = [name for factor in study.factors.values() for name in factor.level_names()]
    changed = [(path, level) for path, level in levels.items() if level != study.baseline[path]]
    return SEPARATOR.join(_level(letters[path], level, names) for path, level in changed) or BASE


def factor_columns(study: StudySpec) -> dict[str, str]:
    """Return a short heading for every factor, by path: its title, else the last part of its path if no other has it.

    MLflow shows some 15 characters of a heading, so that whole paths would all look alike.
    """
    shorts = {path: factor.title or path.rpartition(".")[2] for path, factor in study.factors.items()}
    shorts = {path: NO_COLUMN.sub("_", short) for path, short in shorts.items()}
    taken = [*shorts.values(), "seed"]
    return {path: short if taken.count(short) == 1 else path for path, short in shorts.items()}


def abbreviations(titles: Mapping[str, str | None]) -> dict[str, str]:
    """Return a few letters for every factor, by path; no two factors have the same.

    A title is abbreviated by the first letter of its last word, which names the thing: "input kernel" is k. A path is
    abbreviated by the initials of its last part: learning_rate is lr. Where two would be equal, letters are added.
    """
    letters: dict[str, str] = {}
    for path, title in titles.items():
        words = _words(path, title)
        candidates = [_initials(words, title), *(words[-1][:length] for length in range(2, len(words[-1]) + 1))]
        taken = set(letters.values())
        free = [candidate for candidate in candidates if candidate not in taken]
        letters[path] = free[0] if free else f"{candidates[0]}{len(letters)}"
    return letters


def _words(path: str, title: str | None) -> Sequence[str]:
    text = title or path.removesuffix(".kind").rpartition(".")[2]
    words = re.findall(r"[^\W\d_]+", text.lower())
    return [word for word in words if word not in GENERIC] or words or ["f"]


def _initials(words: Sequence[str], title: str | None) -> str:
    return words[-1][0] if title else "".join(word[0] for word in words)


def _level(letters: str, level: str, names: Sequence[str]) -> str:
    short = BETWEEN_NUMBERS.sub("-", level)
    if match := NUMBER_WITH_UNIT.fullmatch(short):
        short = match[1]
    if NO_WORD.fullmatch(short):
        return letters + short if short[:1].isdigit() else f"{letters}={short}"
    if len(short) > LONGEST:
        short = short[: LONGEST - 1] + "…"
    return short if names.count(level) == 1 else f"{letters}={short}"
