"""From a file to verdicts."""

import json
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from ablate.errors import SpecError
from ablate.inference.document import document
from ablate.inference.infer import infer
from ablate.inference.run_table import RunTable
from ablate.inference.settings import Settings
from ablate.records import whole_file
from ablate.table_file import Columns, read_runs
from ablate.verdicts.asked import Asked
from ablate.verdicts.told import say, tell


@dataclass(frozen=True)
class Outputs:
    """Where to write what was found; None writes nothing of the kind."""

    json: Path | None = None
    html: Path | None = None


def analyze(file: Path, columns: Columns, asked: Asked, outputs: Outputs, console: Console) -> None:
    """Say what a table of runs tells of its factors, and write what was asked for.

    Raises DataError for a file that is no such table, and SpecError for settings that do not fit it.
    """
    settings = asked.settings(columns.factors)
    table = read_runs(file, columns)
    _refuse_outside(table, settings)
    with console.status("analysing"):
        found = infer(table, settings)
    tell(found, columns.response, console)
    if outputs.json:
        _write(outputs.json, json.dumps(document(found), indent=1, allow_nan=False) + "\n", console)


def _refuse_outside(table: RunTable, settings: Settings) -> None:
    found = table.response[table.defined]
    if settings.bounds and len(found) and (found.min() < settings.bounds[0] or found.max() > settings.bounds[1]):
        low, high = settings.bounds
        raise SpecError(f"--bounds: the responses lie from {found.min():g} to {found.max():g}, not in {low:g},{high:g}")


def _write(path: Path, text: str, console: Console) -> None:
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    say(f"written: {path}", console)
