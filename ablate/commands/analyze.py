"""From a file to verdicts."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from ablate.commands.analyze_options import Asked
from ablate.commands.console import write
from ablate.commands.verdict_table import METHODS, tell, tell_importances
from ablate.core.errors import SpecError
from ablate.inference.document import document
from ablate.inference.infer import infer
from ablate.inference.run_table import RunTable
from ablate.inference.settings import Settings
from ablate.inference.tables import Columns, read_runs


@dataclass(frozen=True)
class Outputs:
    """Where to write what was found, None writing nothing of the kind, and whether Optuna is asked too."""

    json: Path | None = None
    html: Path | None = None
    importances: bool = False


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
    numbers = document(found)
    if outputs.importances:
        numbers |= {"optuna_importance": _importances(table, settings, console)}
    if outputs.json:
        write(outputs.json, json.dumps(numbers, indent=1, allow_nan=False) + "\n", console)
    if outputs.html:
        from ablate.report.evidence_page import evidence_page  # noqa: PLC0415  # loads matplotlib

        write(outputs.html, evidence_page(found, columns.response, file.name), console)


def _importances(table: RunTable, settings: Settings, console: Console) -> list[dict[str, Any]]:
    from ablate.execution.optuna_importance import optuna_importances  # noqa: PLC0415  # loads Optuna

    with console.status("asking Optuna"):
        found = [own for method in METHODS for own in optuna_importances(table, settings, method)]
    tell_importances(found, console)
    return [asdict(own) for own in found]


def _refuse_outside(table: RunTable, settings: Settings) -> None:
    found = table.response[table.defined]
    if settings.bounds and len(found) and (found.min() < settings.bounds[0] or found.max() > settings.bounds[1]):
        low, high = settings.bounds
        raise SpecError(f"--bounds: the responses lie from {found.min():g} to {found.max():g}, not in {low:g},{high:g}")
