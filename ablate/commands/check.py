"""`ablate check`: the cells of a study, and an estimate of their time on this machine."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ablate.analysis.phrases import clock
from ablate.commands.checked_study import refuse_unusable_data, warn_of_base
from ablate.execution.cost import estimate
from ablate.execution.executors.local import slots_here
from ablate.study import StudySpec, study_file


def check(file: Path, overrides: Sequence[str], console: Console) -> None:
    """Show the cells and runs of a study and estimate their time here. Trains and creates nothing.

    Raises SpecError, at the line that names it, for data that some run cannot use.
    """
    study = study_file.load(file, overrides)
    refuse_unusable_data(study, study.cells, file, overrides)
    warn_of_base(study, file, overrides, console)
    with console.status("timing one step"):
        cost = estimate(study, study.budget.workers or slots_here())
    _show_cells(study, cost.run_seconds, console)
    console.print(
        f"{len(study.cells)} cells x {len(study.seeds)} seeds = {len(study.planned_runs)} runs, "
        f"about {clock(cost.study_seconds)} here with {cost.slots} at a time",
        highlight=False,
    )
    minutes = study.budget.minutes
    if minutes is not None and cost.study_seconds > minutes * 60:
        console.print(
            f"this exceeds the budget of {minutes:g} minutes, which will end the study early",
            style="yellow",
            highlight=False,
        )


def _show_cells(study: StudySpec, seconds: Sequence[float], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("cell", justify="right")
    table.add_column("difference from the base run", overflow="fold")
    table.add_column("time per run", no_wrap=True)
    for number, (cell, cost) in enumerate(zip(study.cells, seconds, strict=True), start=1):
        table.add_row(str(number), escape(study.cell_title(cell)), clock(cost))
    console.print(table)
