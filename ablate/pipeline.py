"""The whole story in a few calls, from a study file to its report. Open this first.

YAML text -> StudySpec -> points -> records -> Analysis -> report. Each arrow carries a plain value, and
every step can be redone from what the step before it left on disk.
"""

import platform
import shlex
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn
from rich.table import Table

from ablate import __version__, study_file
from ablate import report as pages
from ablate.analysis import Analysis, analyse, answer
from ablate.analysis.response import with_responses
from ablate.cost import estimate
from ablate.data import download
from ablate.databases import refuse_unusable
from ablate.driver import Driver, Tally
from ablate.errors import AblateError, AnalysisError
from ablate.executors.executor import Executor
from ablate.executors.local import LocalExecutor, slots_here
from ablate.lock import held, held_on_server
from ablate.paths import Store, StudyPaths
from ablate.planning.frozen import freeze
from ablate.planning.reach import refuse_hopeless
from ablate.probing import CLIPS, probe_run
from ablate.progress import clock, display
from ablate.records import RunRecord, sweep, whole_file
from ablate.report.frame_grid import write_comparison
from ablate.results import study_table
from ablate.spec import StudySpec
from ablate.telling import say
from ablate.tracking.mlflow import MLflowTracker, log_findings
from ablate.ui import Doors, servers

SUCCESS, FAILURE, INTERRUPTED = 0, 1, 130


@dataclass(frozen=True)
class Where:
    """Where runs are carried out, and how many at a time; None takes as many as there is room for."""

    executor: Literal["local", "ray"] = "local"
    workers: int | None = None


def run(file: Path, overrides: Sequence[str], root: Path, where: Where, console: Console) -> int:
    """Run what has not run yet, write the report, and return the exit code.

    Raises SpecError, before anything is created, for a study that cannot reject anything and is not exploratory, and
    AblateError where the databases that the environment names do not answer.
    """
    study, store = study_file.load(file, overrides), Store.here(root)
    refuse_hopeless(study)
    refuse_unusable(store)
    paths, started = store.study(study.name), time.monotonic()
    with held(paths.lock), held_on_server(store.optuna_url, study.name):
        sweep(paths.folder)
        with whole_file(paths.study_yaml) as path:
            path.write_text(study_file.dump(study))
        freeze(paths, study)
        tracker = MLflowTracker(store)
        tally = Driver(study, store, tracker, _executor(study, where), display(console)).run()
        try:
            analysis = _analysed(study, paths)
            if study.probes == "extremes" and not tally.open:
                _probe_extremes(study, analysis, store, _command(file, overrides), console)
            _write_report(analysis, study, paths, _command(file, overrides), console)
            summary = pages.summary(analysis)
        except AnalysisError as error:
            summary = str(error)
        tracker.close(paths, summary, complete=not tally.open)
    _say_how_it_went(tally, time.monotonic() - started, console)
    if tally.interrupted:
        return INTERRUPTED
    return FAILURE if tally.failed or tally.open else SUCCESS


def check(file: Path, overrides: Sequence[str], console: Console) -> None:
    """Show what a study would run, and about how long that takes here. Trains and creates nothing."""
    study = study_file.load(file, overrides)
    with console.status("timing one step"):
        cost = estimate(study, study.budget.workers or slots_here())
    _show_cells(study, cost.run_seconds, console)
    console.print(
        f"{len(study.cells)} cells x {len(study.seeds)} seeds = {len(study.points)} runs, "
        f"about {clock(cost.study_seconds)} here with {cost.slots} at a time",
        highlight=False,
    )
    minutes = study.budget.minutes
    if minutes is not None and cost.study_seconds > minutes * 60:
        console.print(f"the budget of {minutes:g} minutes will end before that", style="yellow", highlight=False)


def report(file: Path, overrides: Sequence[str], root: Path, console: Console) -> None:
    """Write the report of what has run so far. Raises AnalysisError where nothing has."""
    study = study_file.load(file, overrides)
    paths = Store.here(root).study(study.name)
    _write_report(_analysed(study, paths), study, paths, _command(file, overrides), console)


def show(file: Path, root: Path, doors: Doors, console: Console) -> None:
    """Serve the MLflow UI and the Optuna dashboard until Ctrl-C."""
    study, store = study_file.load(file), Store.here(root)
    refuse_unusable(store)
    if doors.open_to_others:
        say(
            f"{doors.host} is open to other machines: whoever reaches it may read, change and delete", console, "yellow"
        )
    with console.status("starting both servers"), servers(store, study.name, doors) as addresses:
        for name, address in zip(("MLflow UI", "Optuna dashboard"), addresses, strict=True):
            say(f"{name:17} {address}", console)
        console.print("Ctrl-C stops both.")
        signal.pause()


def fetch(url: str | None, folder: Path | None, console: Console) -> None:
    """Download the original Moving MNIST file with a progress bar. Raises DownloadError."""
    columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=None)
        path = download.fetch(
            url or download.URL, folder, report=lambda done, total: progress.update(task, completed=done, total=total)
        )
    say(str(path), console)


def _executor(study: StudySpec, where: Where) -> Executor:
    workers = where.workers or study.budget.workers
    if where.executor == "local":
        return LocalExecutor(workers)
    try:
        from ablate.executors.ray import RayExecutor  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise AblateError("--executor ray needs Ray: pip install 'ablate-convlstm[ray]'") from error
    return RayExecutor(study.resources, workers)


def _show_cells(study: StudySpec, seconds: Sequence[float], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("cell", justify="right")
    table.add_column("what differs from the base run", overflow="fold")
    table.add_column("a run takes", no_wrap=True)
    titles = [point.title.rpartition(", ")[0] for point in study.points[:: len(study.seeds)]]
    for number, (title, cost) in enumerate(zip(titles, seconds, strict=True), start=1):
        table.add_row(str(number), escape(title), clock(cost))
    console.print(table)


def _probe_extremes(study: StudySpec, analysis: Analysis, store: Store, command: str, console: Console) -> None:
    """Question the runs with the best and the worst response, unless that was done before."""
    paths, titles = store.study(study.name), {point.id: point.title for point in study.points}
    extremes = {end.point for end in (analysis.best, analysis.worst) if end is not None}
    for point in sorted(point for point in extremes if not paths.run(point).findings.exists()):
        try:
            _probe(study.name, point, titles[point], store, command, console)
        except Exception as error:  # noqa: BLE001  # whatever a probe meets, the study's report must come
            problem = f"{titles[point]} could not be probed: {type(error).__name__}: {error}"
            say(problem, console, "yellow")


def _probe(name: str, point: str, title: str, store: Store, command: str, console: Console) -> None:
    files = store.study(name).run(point)
    with console.status(f"probing {escape(title)}") as status:
        findings = probe_run(
            files, title, command, CLIPS, lambda probe: status.update(f"probing {escape(title)}: {probe}")
        )
    log_findings(store, name, point, findings, files)


def _analysed(study: StudySpec, paths: StudyPaths) -> Analysis:
    """Write the runs with their responses as a table, for other tools, and return what it says."""
    table, name = study_table(study, paths), study.response.measure
    runs = with_responses(table.runs, table.sums, table.response, table.companions)
    with whole_file(paths.runs_csv) as path:
        runs.rename(columns={"response": name}).to_csv(path, index=False)
    return analyse(table, study.settings)


def _write_report(analysis: Analysis, study: StudySpec, paths: StudyPaths, command: str, console: Console) -> None:
    _draw_comparison(analysis, study, paths)
    pages.write(analysis, paths, command, {"ablate": __version__, "python": platform.python_version()})
    for line in answer(analysis):
        say(line, console)
    say(f"report: {paths.report_html}", console)


def _draw_comparison(analysis: Analysis, study: StudySpec, paths: StudyPaths) -> None:
    if analysis.best is None or analysis.worst is None or analysis.best.point == analysis.worst.point:
        return
    view, titles = study.response.view, {point.id: point.title for point in study.points}
    shown = (analysis.worst.point, analysis.best.point)
    worst, best = (RunRecord.load(paths.run(point)).examples[view] for point in shown)
    write_comparison(paths.comparison, worst, best, (titles[shown[0]], titles[shown[1]]))


def _say_how_it_went(tally: Tally, seconds: float, console: Console) -> None:
    counts = f"{tally.settled} of {tally.planned} runs have a result, {len(tally.failed)} failed, {tally.open} open"
    console.print(f"{counts}; {clock(seconds)}", highlight=False)
    for failure in tally.failed.values():
        say(f"failed: {failure}", console, "red")
    if tally.interrupted or tally.out_of_time:
        why = "stopped" if tally.interrupted else "the budget is spent"
        console.print(f"{why}; the same command goes on where it stopped", highlight=False)


def _command(file: Path, overrides: Sequence[str]) -> str:
    return shlex.join(["ablate", "run", str(file), *(word for override in overrides for word in ("--set", override))])
