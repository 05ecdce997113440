"""The names of this project's tags in MLflow, in today's spelling and in that of older stores.

Every tag begins with `ablate.`, so that it never meets a tag of the user or of another program. Older stores have the
same tags without the beginning. They stay as they are: every search looks for both spellings, and of two values of a
tag today's spelling counts.
"""

from collections.abc import Mapping

PREFIX = "ablate."
NOTE, PARENT = "mlflow.note.content", "mlflow.parentRunId"
ROLE, RUN, TRIAL, OUTCOME = "role", "run", "trial", "outcome"
EXCLUDED, REASON, ERROR, PROBED = "excluded", "reason", "error", "probed"
CELL, TITLE, SEED, FACTOR, CHANGED = "cell", "title", "seed", "factor.", "changed_settings"
RESPONSE_DEFINITION = "response.definition"
"""Name of the tag that says of which response the metric `response` is the value."""
STUDY = "study"
"""Role of the parent run; RUN is that of the others."""
RENAMED = {"ablate": "version"}
"""Facts of a record whose name would repeat the prefix."""
OLDER = {RUN: ("point",)}
"""Further names of a tag in stores of schema 1."""


def tag(name: str) -> str:
    """Return a tag's name in MLflow."""
    return PREFIX + RENAMED.get(name, name)


def tagged(values: Mapping[str, str]) -> dict[str, str]:
    """Return tags under their names in MLflow."""
    return {tag(name): value for name, value in values.items()}


def spellings(name: str) -> tuple[str, ...]:
    """Return every name that a tag has in MLflow, today's first."""
    return (tag(name), name, *OLDER.get(name, ()))


def value_of(tags: Mapping[str, str], name: str) -> str | None:
    """Return the value of a tag of a run in MLflow, in today's spelling if it has both; None without one."""
    return next((tags[spelling] for spelling in spellings(name) if spelling in tags), None)


def conditions(name: str, value: str) -> tuple[str, ...]:
    """Return the search conditions of a tag with a value, one for each spelling: MLflow's language has no "or"."""
    return tuple(f"tags.`{spelling}` = '{value}'" for spelling in spellings(name))
