"""`ablate report`: the table of runs, its analysis, and the report pages."""

import platform
import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ablate import __version__
from ablate import report as pages
from ablate.analysis import Analysis, analyze, answer
from ablate.analysis.study_table import with_responses
from ablate.commands.console import say
from ablate.execution.results import study_table
from ablate.report.frame_grid import write_comparison
from ablate.storage.atomic import whole_file
from ablate.storage.paths import Store, StudyPaths
from ablate.storage.records import RunRecord
from ablate.study import StudySpec, study_file
from ablate.study.stored_runs import study_paths


def report(file: Path, overrides: Sequence[str], root: Path, console: Console) -> None:
    """Write the report of all runs so far. Raises AnalysisError where there is none."""
    study = study_file.load(file, overrides)
    paths = study_paths(Store.here(root), study)
    write_report(analyzed(study, paths), study, paths, run_command(file, overrides), console)


def analyzed(study: StudySpec, paths: StudyPaths) -> Analysis:
    """Write the runs with their responses as a table for other tools, and return the analysis."""
    table, name = study_table(study, paths), study.response.metric
    runs = with_responses(table.runs, table.sums, table.response, table.secondary)
    with whole_file(paths.runs_csv) as path:
        runs.rename(columns={"response": name}).to_csv(path, index=False)
    return analyze(table, study.settings)


def write_report(analysis: Analysis, study: StudySpec, paths: StudyPaths, command: str, console: Console) -> None:
    """Write the report and its pictures, and print the answer."""
    _draw_comparison(analysis, study, paths)
    pages.write(analysis, paths, command, {"ablate": __version__, "python": platform.python_version()})
    for line in answer(analysis):
        say(line, console)
    say(f"report: {paths.report_html}", console)


def _draw_comparison(analysis: Analysis, study: StudySpec, paths: StudyPaths) -> None:
    if analysis.best is None or analysis.worst is None or analysis.best.run_id == analysis.worst.run_id:
        return
    view, titles = study.response.view, {planned_run.id: planned_run.title for planned_run in study.planned_runs}
    extremes = (analysis.worst.run_id, analysis.best.run_id)
    worst, best = (RunRecord.load(paths.run(run_id), run_id).examples[view] for run_id in extremes)
    write_comparison(paths.comparison, worst, best, (titles[extremes[0]], titles[extremes[1]]))


def run_command(file: Path, overrides: Sequence[str]) -> str:
    """Return the command that runs the study again."""
    return shlex.join(["ablate", "run", str(file), *(word for override in overrides for word in ("--set", override))])
