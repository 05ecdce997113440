"""`ablate check`: the cells of a study, and about how long they take here."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ablate.execution.cost import estimate
from ablate.execution.executors.local import slots_here
from ablate.execution.progress import clock
from ablate.study import StudySpec, study_file


def check(file: Path, overrides: Sequence[str], console: Console) -> None:
    """Show what a study would run, and about how long that takes here. Trains and creates nothing."""
    study = study_file.load(file, overrides)
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
        console.print(f"the budget of {minutes:g} minutes will end before that", style="yellow", highlight=False)


def _show_cells(study: StudySpec, seconds: Sequence[float], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("cell", justify="right")
    table.add_column("what differs from the base run", overflow="fold")
    table.add_column("a run takes", no_wrap=True)
    titles = [planned_run.title.rpartition(", ")[0] for planned_run in study.planned_runs[:: len(study.seeds)]]
    for number, (title, cost) in enumerate(zip(titles, seconds, strict=True), start=1):
        table.add_row(str(number), escape(title), clock(cost))
    console.print(table)
