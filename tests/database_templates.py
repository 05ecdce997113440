"""A new database of MLflow or Optuna is a copy of one that was made once: its migrations take seconds, a copy none."""

import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from ablate.execution import database_creation
from ablate.execution.sqlite_files import replace_database, sqlite_url


def copying(templates: Path) -> Callable[[Path, Path, Callable[[str], None]], None]:
    """Return a replacement of `database_creation._make` that copies a template for every new database."""
    make = database_creation._make

    def copy(temporary: Path, file: Path, change: Callable[[str], None]) -> None:
        if temporary.exists():  # an upgrade, or tables that are added to those of another program
            make(temporary, file, change)
            return
        template = templates / f"{change.__module__}.{change.__qualname__}.db"
        with FileLock(template.with_suffix(".lock")):  # several test processes share the templates
            if not template.exists():
                begun = template.with_suffix(".begun")
                change(sqlite_url(begun))
                begun.replace(template)
        shutil.copyfile(template, temporary)
        replace_database(temporary, file)

    return copy
