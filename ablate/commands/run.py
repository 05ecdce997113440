"""`ablate run`: the way from a study file to its report in a few calls. Read this file first.

YAML text -> StudySpec -> planned runs -> records -> Analysis -> report. Each arrow carries a plain value, and
every step can be redone from what the step before it left on disk.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.markup import escape

from ablate import report as pages
from ablate.analysis import Analysis
from ablate.commands.console import say
from ablate.commands.report import analyzed, run_command, write_report
from ablate.core.errors import AblateError, AnalysisError
from ablate.diagnosis.probe_run import CLIPS, probe_run
from ablate.execution.databases import refuse_unusable
from ablate.execution.driver import Driver, Tally
from ablate.execution.executors.executor import Executor
from ablate.execution.executors.local import LocalExecutor
from ablate.execution.lock import held, held_on_server
from ablate.execution.progress import clock, display
from ablate.execution.tracking.mlflow import MLflowTracker, log_findings
from ablate.planning.decidability import refuse_undecidable
from ablate.planning.preregistration import preregister
from ablate.storage.atomic import sweep, whole_file
from ablate.storage.findings import Finding
from ablate.storage.paths import RunPaths, Store, StudyPaths
from ablate.study import StudySpec, study_file
from ablate.study.stored_runs import study_paths

SUCCESS, FAILURE, INTERRUPTED = 0, 1, 130


@dataclass(frozen=True)
class Execution:
    """Where runs are carried out, and how many at a time; None takes as many as fit."""

    executor: Literal["local", "ray"] = "local"
    workers: int | None = None


def run(file: Path, overrides: Sequence[str], root: Path, execution: Execution, console: Console) -> int:
    """Run what has not run yet, write the report, and return the exit code.

    Raises SpecError, before anything is created, for a study that cannot reject anything and is not exploratory, and
    AblateError where the databases that the environment names do not answer.
    """
    study, store = study_file.load(file, overrides), Store.here(root)
    refuse_undecidable(study)
    refuse_unusable(store)
    paths, started = study_paths(store, study), time.monotonic()
    with held(paths.lock), held_on_server(store.optuna_url, study.name):
        sweep(paths.folder)
        with whole_file(paths.study_yaml) as path:
            path.write_text(study_file.dump(study))
        preregister(paths, study)
        tracker = MLflowTracker(store)
        tally = Driver(study, store, tracker, _executor(study, execution), display(console)).run()
        try:
            analysis = analyzed(study, paths)
            if study.probes == "extremes" and not tally.open:
                _probe_extremes(study, analysis, store, paths, run_command(file, overrides), console)
            write_report(analysis, study, paths, run_command(file, overrides), console)
            summary = pages.summary(analysis)
        except AnalysisError as error:
            summary = str(error)
        tracker.close(paths, summary, complete=not tally.open)
    _print_outcome(tally, time.monotonic() - started, console)
    if tally.interrupted:
        return INTERRUPTED
    return FAILURE if tally.failed or tally.open else SUCCESS


def _executor(study: StudySpec, execution: Execution) -> Executor:
    workers = execution.workers or study.budget.workers
    if execution.executor == "local":
        return LocalExecutor(workers)
    try:
        from ablate.execution.executors.ray import RayExecutor  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise AblateError("--executor ray needs Ray: pip install 'ablate-convlstm[ray]'") from error
    return RayExecutor(study.resources, workers)


def _probe_extremes(
    study: StudySpec, analysis: Analysis, store: Store, paths: StudyPaths, command: str, console: Console
) -> None:
    """Probe the runs with the best and the worst response, unless they have findings."""
    titles = {run.id: run.title for run in study.planned_runs}
    extremes = {end.run_id for end in (analysis.best, analysis.worst) if end is not None}
    for run_id in sorted(run_id for run_id in extremes if not paths.run(run_id).findings.exists()):
        try:
            findings = _probe(paths.run(run_id), titles[run_id], command, console)
            log_findings(store, study.name, run_id, findings, paths.run(run_id))
        except Exception as error:  # noqa: BLE001  # a probe that fails must not cost the report
            problem = f"{titles[run_id]} could not be probed: {type(error).__name__}: {error}"
            say(problem, console, "yellow")


def _probe(files: RunPaths, title: str, command: str, console: Console) -> tuple[Finding, ...]:
    with console.status(f"probing {escape(title)}") as status:
        return probe_run(files, title, command, CLIPS, lambda probe: status.update(f"probing {escape(title)}: {probe}"))


def _print_outcome(tally: Tally, seconds: float, console: Console) -> None:
    counts = f"{tally.settled} of {tally.planned} runs have a result, {len(tally.failed)} failed, {tally.open} open"
    console.print(f"{counts}; {clock(seconds)}", highlight=False)
    for failure in tally.failed.values():
        say(f"failed: {failure}", console, "red")
    if tally.interrupted or tally.out_of_time:
        reason = "stopped" if tally.interrupted else "the budget is spent"
        console.print(f"{reason}; the same command continues the study", highlight=False)
