"""`ablate run`: the way from a study file to its report in a few calls. Read this file first.

YAML text -> StudySpec -> planned runs -> records -> Analysis -> report. Each arrow carries a plain value, and
every step can be redone from what the step before it left on disk.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.markup import escape

from ablate.analysis import Analysis
from ablate.analysis.analysis import infer_verdicts
from ablate.analysis.phrases import clock
from ablate.commands.checked_study import refuse_unusable_data, warn_of_base
from ablate.commands.console import say
from ablate.commands.exclusions import NO_EXCLUSIONS, ExclusionOptions, requested_exclusions
from ablate.commands.former_scores import renew_former_scores
from ablate.commands.logged_models import log_models
from ablate.commands.moved_store import follow_store
from ablate.commands.optuna_page import refresh_page
from ablate.commands.prepared_store import prepare_databases
from ablate.commands.report import (
    WrittenReport,
    analyzed_table,
    run_command,
    show_report,
    store_of,
    study_call,
    write_report,
)
from ablate.core.errors import AblateError, AnalysisError, SpecError
from ablate.diagnosis.probe_run import CLIPS, probe_run
from ablate.execution.books import read_books
from ablate.execution.databases import refuse_unusable
from ablate.execution.driver import Decide, Driver, Tally
from ablate.execution.executors.executor import Executor
from ablate.execution.executors.local import LocalExecutor
from ablate.execution.lock import held, held_on_server
from ablate.execution.progress import display
from ablate.execution.results import study_table
from ablate.execution.signals import listening
from ablate.execution.tracking.mlflow import MLflowTracker
from ablate.execution.tracking.mlflow_findings import log_findings
from ablate.planning.decidability import refuse_undecidable
from ablate.planning.preregistration import preregister
from ablate.planning.sequential_looks import LookExtent, is_decided, look_at
from ablate.report import StudyCall
from ablate.storage.atomic import sweep, whole_file
from ablate.storage.exclusions import add_exclusions, excluded_runs
from ablate.storage.findings import Finding
from ablate.storage.looks import add_look
from ablate.storage.paths import RunPaths, Store, StudyPaths
from ablate.study import Cell, StudySpec, study_file
from ablate.study.stored_runs import study_paths

SUCCESS, FAILURE, INTERRUPTED = 0, 1, 130
STOPPED = "stopped before the first run"


@dataclass(frozen=True)
class Execution:
    """Where runs are carried out, and how many at a time; None takes as many as fit.

    `until_decided` stops a sequential study at the first look at which everything is decided.
    """

    executor: Literal["local", "ray"] = "local"
    workers: int | None = None
    until_decided: bool = False


@dataclass(frozen=True)
class StudyRun:
    """How a study was carried out, in `seconds`. `tally` is None where it was stopped before the first run.

    `report` is None where there is nothing to report yet, and `problem` says why.
    """

    tally: Tally | None
    report: WrittenReport | None
    problem: str
    seconds: float

    @property
    def is_interrupted(self) -> bool:
        """Whether the user stopped it."""
        return self.tally is None or self.tally.interrupted


def run(
    file: Path,
    overrides: Sequence[str],
    root: Path,
    execution: Execution,
    console: Console,
    exclusion_options: ExclusionOptions = NO_EXCLUSIONS,
) -> int:
    """Run what has not run yet, write the report, print both, and return the exit code. Raises as run_study."""
    call = study_call(study_file.load(file, overrides), file, overrides, root)
    study_run = run_study(call, execution, console, exclusion_options, lambda written: show_report(written, console))
    tally = study_run.tally
    if tally is None:
        return INTERRUPTED
    _print_outcome(tally, study_run.seconds, console)
    if tally.interrupted:
        return INTERRUPTED
    nothing_measured = tally.settled > 0 and tally.measured == 0  # the report, or the error above, says what to change
    return FAILURE if tally.failed or tally.open or nothing_measured else SUCCESS


def run_study(
    call: StudyCall,
    execution: Execution,
    console: Console,
    exclusion_options: ExclusionOptions = NO_EXCLUSIONS,
    show: Callable[[WrittenReport], None] = lambda _: None,
) -> StudyRun:
    """Run what has not run yet, and write the report, which `show` gets at once. The console shows progress.

    Raises SpecError, before anything is created, for a study that cannot reject anything and is not exploratory, for
    one that shall run until it is decided but plans no looks, for a run that cannot be excluded, and for data that a
    run cannot use. Raises AblateError where the databases that the environment names do not answer.
    """
    study, file, overrides, store = call.study, call.file, call.overrides, store_of(call)
    refuse_undecidable(study)
    warn_of_base(study, file, overrides, console)
    if execution.until_decided:
        _refuse_without_looks(study, file)
    paths, started = study_paths(store, study), time.monotonic()
    requested_exclusions(exclusion_options, study, paths)
    if execution.executor == "local":  # the nodes of a cluster have files of their own
        refuse_unusable_data(study, _cells_to_run(study, paths), file, overrides)
    refuse_unusable(store)
    follow_store(store, console, [study.name])
    with held(paths.lock), held_on_server(store.optuna_url, study.name):
        tracker = MLflowTracker(store)
        with _ended_after_failure(tracker, paths):
            tally = _carry_out(study, store, tracker, execution, console, exclusion_options)
            if tally is None:
                return StudyRun(None, None, STOPPED, time.monotonic() - started)
            command = run_command(file, overrides, paths, until_decided=execution.until_decided)
            written, problem = _report(call, paths, command, console, show, has_all_runs=not tally.open)
        tracker.close(paths, written.summary if written else problem, complete=not tally.open)
    return StudyRun(tally, written, problem, time.monotonic() - started)


def _cells_to_run(study: StudySpec, paths: StudyPaths) -> list[Cell]:
    """Return the cells with a run that has no record yet; those of a finished study need no data."""
    excluded = excluded_runs(paths)
    open_runs = (run for run in study.planned_runs if run.id not in excluded)
    levels = [run.levels for run in open_runs if not paths.run(run.id).record.exists()]
    return [cell for cell in study.cells if cell.levels in levels]


@contextmanager
def _ended_after_failure(tracker: MLflowTracker, paths: StudyPaths) -> Iterator[None]:
    """End the study's run in MLflow where the block fails, for example because a record is damaged."""
    try:
        yield
    except BaseException as error:
        with suppress(Exception):  # the failure itself is what the user has to see
            tracker.close(paths, f"Stopped: {error or type(error).__name__}", complete=False)
        raise


def _carry_out(
    study: StudySpec,
    store: Store,
    tracker: MLflowTracker,
    execution: Execution,
    console: Console,
    exclusion_options: ExclusionOptions,
) -> Tally | None:
    """Preregister the plan and carry the runs out; None where the user stopped it before the first run."""
    paths = study_paths(store, study)
    with listening() as interruption:
        prepare_databases(store, console)
        if interruption.requested:
            say(f"{STOPPED}; the same command starts the study", console)
            return None
        sweep(paths.folder)
        with whole_file(paths.study_yaml) as path:
            path.write_text(study_file.dump(study))
        preregister(paths, study, read_books(store, study.name))
        if added := requested_exclusions(exclusion_options, study, paths):
            add_exclusions(paths, added)
        renew_former_scores(study, paths, console)
        executor, decide = _executor(study, execution), _decide(study, paths, until_decided=execution.until_decided)
        return Driver(study, store, tracker, executor, display(console), decide).run()


def _report(
    call: StudyCall,
    paths: StudyPaths,
    command: str,
    console: Console,
    show: Callable[[WrittenReport], None],
    *,
    has_all_runs: bool,
) -> tuple[WrittenReport | None, str]:
    """Analyze the runs, probe the best and the worst one, write and show the report, and log models.

    Returns the report, and why it is missing or incomplete, which is empty where it is whole.
    """
    study, store, written = call.study, store_of(call), None
    try:
        runs, analysis = analyzed_table(study, store, paths)
        if study.probes == "extremes" and has_all_runs:
            _probe_extremes(study, analysis, store, paths, command, console)
        written = WrittenReport(analysis, runs, paths, write_report(analysis, paths, command, call))
        show(written)
        refresh_page(study, analysis, store, paths, console)
        if has_all_runs:
            log_models(study, analysis, store, paths, console)
    except AnalysisError as error:
        say(str(error), console, "yellow")
        return None, str(error)
    return written, ""


def _refuse_without_looks(study: StudySpec, file: Path) -> None:
    """Raise SpecError for a study that plans no looks, or that gives no verdicts."""
    if study.looks is None:
        raise SpecError(
            f"{file}: --until-decided needs planned looks; found seeds: {list(study.seeds)}; write the fewest and the "
            "most seeds, as in seeds: {from: 6, to: 12}"
        )
    if study.exploratory:
        raise SpecError(
            f"{file}: --until-decided needs verdicts, and an exploratory study gives none; remove 'exploratory: true', "
            "or run it without --until-decided"
        )


def _decide(study: StudySpec, paths: StudyPaths, *, until_decided: bool) -> Decide | None:
    """Return the function that takes and records a look, and says whether the study stops; None without looks."""
    if study.looks is None or study.exploratory:
        return None

    def decide(seeds: int) -> bool:
        table = study_table(study, paths, seeds)
        if not table.sums:
            return False
        inference, runs = infer_verdicts(table, study.settings)
        stops = until_decided and seeds < len(study.seeds) and is_decided(study, inference)
        extent = LookExtent(seeds, runs, is_complete=seeds == len(study.seeds))
        add_look(paths, look_at(study, paths, inference, extent, stops=stops))
        return stops

    return decide


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
    lost = {"unmeasurable": tally.unmeasurable, "diverged": tally.diverged}
    without = "".join(f", {count} {outcome}" for outcome, count in lost.items() if count)
    counts = (
        f"{tally.measured} of {tally.planned} runs have a result{without}, {len(tally.failed)} failed, "
        f"{tally.open} open"
    )
    if tally.decided_after is not None:
        counts += f", {tally.not_needed} not needed: the study was decided after {tally.decided_after} seeds"
    if tally.excluded:
        counts += f", {tally.excluded} more excluded"
    console.print(f"{counts}; {clock(seconds)}", highlight=False)
    for failure in tally.failed.values():
        say(f"failed: {failure}", console, "red")
    if tally.interrupted or tally.out_of_time:
        reason = "stopped" if tally.interrupted else "the budget is spent"
        console.print(f"{reason}; the same command continues the study", highlight=False)
