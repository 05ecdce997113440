"""From a file to verdicts."""

import json
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from ablate.commands.analyze_options import Asked
from ablate.commands.console import write
from ablate.commands.verdict_table import tell
from ablate.core.errors import SpecError
from ablate.inference.document import document
from ablate.inference.infer import infer
from ablate.inference.run_table import RunTable
from ablate.inference.settings import Settings
from ablate.inference.tables import Columns, read_runs


@dataclass(frozen=True)
class Outputs:
    """Files to write; None writes none of that kind."""

    json: Path | None = None
    html: Path | None = None


def analyze(file: Path, columns: Columns, asked: Asked, outputs: Outputs, console: Console) -> None:
    """Say what a table of runs tells of its factors, and write what was asked for.

    Raises DataError for a file that is no such table, and SpecError for settings that do not fit it.
    """
    settings = asked.settings(columns.factors)
    table = read_runs(file, columns)
    _refuse_outside(table, settings)
    with console.status("analyzing"):
        found = infer(table, settings)
    tell(found, columns.response, console)
    if outputs.json:
        write(outputs.json, json.dumps(document(found), indent=1, allow_nan=False) + "\n", console)
    if outputs.html:
        from ablate.report.evidence_page import evidence_page  # noqa: PLC0415  # loads matplotlib

        write(outputs.html, evidence_page(found, columns.response, file.name), console)


def _refuse_outside(table: RunTable, settings: Settings) -> None:
    found = table.response[table.defined]
    if settings.bounds and len(found) and (found.min() < settings.bounds[0] or found.max() > settings.bounds[1]):
        low, high = settings.bounds
        raise SpecError(f"--bounds: the responses lie from {found.min():g} to {found.max():g}, not in {low:g},{high:g}")
