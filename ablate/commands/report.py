"""`ablate report`: the table of runs, its analysis, and the report pages."""

import platform
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console

from ablate import __version__
from ablate.analysis import Analysis, analyze, answer
from ablate.analysis.analysis import with_looks
from ablate.analysis.measurability import nothing_measured
from ablate.analysis.study_table import with_responses
from ablate.commands.console import say
from ablate.commands.exclusions import exclusion_words
from ablate.commands.former_scores import former_runs, renew_former_scores
from ablate.commands.mlflow_page import refresh_parent_if_free
from ablate.commands.moved_store import follow_store
from ablate.commands.options import DEFAULT_STORE
from ablate.commands.optuna_page import refresh_page_if_free
from ablate.core.errors import AblateError, AnalysisError
from ablate.execution.books import read_books
from ablate.execution.lock import held
from ablate.execution.results import decided_after, study_table
from ablate.planning.sequential_looks import LookExtent, exploratory_from, look_at, unplanned_looks
from ablate.report import StudyCall, write
from ablate.report.frame_grid import write_comparison
from ablate.storage.atomic import whole_file
from ablate.storage.looks import add_look, recorded_looks
from ablate.storage.paths import Store, StudyPaths
from ablate.storage.records import RunRecord
from ablate.study import StudySpec, study_file
from ablate.study.stored_runs import study_paths


@dataclass(frozen=True)
class WrittenReport:
    """A report on disk: the analysis that it shows, the table of the runs, its files, and its summary.

    `runs` has one row for every planned run, as `runs.csv` of the study has: its id, its seed, a column of level names
    for each factor, the response and the secondary metrics by name, the outcome, and a message.
    """

    analysis: Analysis
    runs: pd.DataFrame
    paths: StudyPaths
    summary: str

    @property
    def measurability(self) -> tuple[str, ...]:
        """What to change if nothing could be measured; else which factors make runs unmeasurable."""
        return _measurability(self.analysis)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Everything that the console says of it: the answer, lost runs, deviations from the plan, exclusions."""
        analysis = self.analysis
        deviations = (_deviation(sentence) for sentence in analysis.deviations)
        return (*answer(analysis), *self.measurability, *deviations, *analysis.exclusions)


def report(file: Path, overrides: Sequence[str], root: Path, console: Console) -> None:
    """Write the report of all runs so far, and print its answer. Raises AnalysisError where there is none."""
    call = study_call(study_file.load(file, overrides), file, overrides, root)
    report_study(call, console, lambda written: show_report(written, console))


def report_study(
    call: StudyCall, console: Console, show: Callable[[WrittenReport], None] = lambda _: None
) -> WrittenReport:
    """Write the report of all runs so far. `show` gets it before the pages in Optuna and MLflow are written.

    The console shows progress and warnings. Raises AnalysisError where there is no run to report.
    """
    study, store = call.study, store_of(call)
    follow_store(store, console, [study.name], only_reads=True)
    paths = study_paths(store, study)
    _refuse_without_runs(study, paths)
    _renew_scores(study, paths, console)
    runs, analysis = analyzed_table(study, store, paths)
    command = run_command(call.file, call.overrides, paths, until_decided=decided_after(study, paths) is not None)
    written = WrittenReport(analysis, runs, paths, write_report(analysis, paths, command, call))
    show(written)
    refresh_page_if_free(study, analysis, store, paths, console)
    refresh_parent_if_free(study, written.summary, store, paths, console)
    return written


def _refuse_without_runs(study: StudySpec, paths: StudyPaths) -> None:
    """Raise AnalysisError, before anything is written, where the store holds no run of the study as it is now."""
    if any(paths.run(planned_run.id).folder.exists() for planned_run in study.planned_runs):
        return
    stored = [folder for folder in paths.runs.iterdir() if folder.is_dir()] if paths.runs.is_dir() else []
    count = "1 run" if len(stored) == 1 else f"{len(stored)} runs"
    hint = (
        f"; {paths.runs} holds {count} with other settings: give the same --set options as ablate run"
        if stored
        else f"; {paths.folder} holds none: name the right --store"
    )
    raise AnalysisError(f"no run of this study has a result yet{hint}, or run it first (ablate run)")


def study_call(study: StudySpec, file: Path, overrides: Sequence[str], root: Path) -> StudyCall:
    """Return how the study was called, for the commands in its report."""
    return StudyCall(study, file, tuple(overrides), None if root == DEFAULT_STORE else root)


def store_of(call: StudyCall) -> Store:
    """Return the store that a call names."""
    return Store.here(call.store or DEFAULT_STORE)


def _renew_scores(study: StudySpec, paths: StudyPaths, console: Console) -> None:
    """Bring the scores up to date, unless a driver is at work, which did so at its start, or the store is read-only."""
    if former_runs(study, paths):
        try:
            with held(paths.lock):
                renew_former_scores(study, paths, console)
        except (AblateError, OSError) as error:
            say(f"the scores of older versions were not computed again: {error}", console, "yellow")


def analyzed(study: StudySpec, store: Store, paths: StudyPaths) -> Analysis:
    """Write the runs with their responses as a table for other tools, and return the analysis."""
    return analyzed_table(study, store, paths)[1]


def analyzed_table(study: StudySpec, store: Store, paths: StudyPaths) -> tuple[pd.DataFrame, Analysis]:
    """Write the runs with their responses as a table for other tools, and return this table and the analysis."""
    table, name = study_table(study, paths, books=read_books(store, study.name)), study.response.metric
    runs = with_responses(table.runs, table.sums, table.response, table.secondary).rename(columns={"response": name})
    with whole_file(paths.runs_csv) as path:
        runs.to_csv(path, index=False)
    analysis = analyze(table, study.settings, study.judged_settings)
    if study.exploratory:  # it gives no verdicts
        return runs, analysis
    counts = analysis.outcomes
    seeds = len(study.seeds) if table.complete_seeds is None else len(table.complete_seeds)
    extent = LookExtent(seeds, counts.finished, is_complete=not counts.missing)
    looks = recorded_looks(paths)
    if study.looks is None or seeds >= study.looks.first:
        stopped = decided_after(study, paths) is not None
        looks = add_look(paths, look_at(study, paths, analysis.inference, extent, stops=stopped))
    return runs, with_looks(analysis, exploratory_from(looks), unplanned_looks(looks))


def write_report(analysis: Analysis, paths: StudyPaths, command: str, call: StudyCall) -> str:
    """Write the report and its pictures, and return the summary of the report."""
    _draw_comparison(analysis, call.study, paths)
    versions = {"ablate": __version__, "python": platform.python_version()}
    return write(analysis, paths, command, versions, call)


def show_report(written: WrittenReport, console: Console) -> None:
    """Print the answer, what weakens it, and where the report is."""
    analysis = written.analysis
    for line in answer(analysis):
        say(line, console)
    for line in written.measurability:
        say(line, console, "yellow")
    for sentence in analysis.deviations:
        say(_deviation(sentence), console, "yellow")
    for sentence in analysis.exclusions:
        say(sentence, console)
    say(f"report: {written.paths.report_html}", console)


def _deviation(sentence: str) -> str:
    return f"Deviation from the preregistered plan: {sentence}"


def _measurability(analysis: Analysis) -> tuple[str, ...]:
    """Return what to change if nothing could be measured; else which factors make runs unmeasurable."""
    if nothing := nothing_measured(analysis.outcomes, analysis.response):
        return (nothing,)
    lost = analysis.measurability
    if lost is None:
        return ()
    counts = {"unmeasurable": lost.unmeasurable, "diverged": lost.diverged}
    words = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    total = lost.unmeasurable + lost.diverged
    return (
        f"{total} of {lost.runs} runs cannot be measured ({words}): they take part in no mean and no effect.",
        *lost.sentences,
    )


def _draw_comparison(analysis: Analysis, study: StudySpec, paths: StudyPaths) -> None:
    if analysis.best is None or analysis.worst is None or analysis.best.run_id == analysis.worst.run_id:
        paths.comparison.unlink(missing_ok=True)  # of an earlier report, whose runs may count no more
        return
    view, titles = study.response.view, {planned_run.id: planned_run.title for planned_run in study.planned_runs}
    extremes = (analysis.worst.run_id, analysis.best.run_id)
    worst, best = (RunRecord.load(paths.run(run_id), run_id).examples.get(view) for run_id in extremes)
    if worst is None or best is None:  # a bundle left the frames out
        paths.comparison.unlink(missing_ok=True)
        return
    write_comparison(paths.comparison, worst, best, (titles[extremes[0]], titles[extremes[1]]))


def run_command(file: Path, overrides: Sequence[str], paths: StudyPaths, *, until_decided: bool = False) -> str:
    """Return the command that runs the study again, in any store, without the runs that are excluded here."""
    settings = [word for override in overrides for word in ("--set", override)]
    decided = ["--until-decided"] if until_decided else []
    return shlex.join(["ablate", "run", str(file), *settings, *decided, *exclusion_words(paths)])
