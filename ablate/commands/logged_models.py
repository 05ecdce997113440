"""Trained networks of a study that become models in MLflow, as `log_models` in the study file asks."""

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.markup import escape

from ablate.analysis import Analysis
from ablate.analysis.matched_runs import AnalyzedRun
from ablate.commands.console import say
from ablate.execution.tracking.mlflow_models import log_model
from ablate.storage.paths import Store, StudyPaths
from ablate.study import StudySpec


def log_models(study: StudySpec, analysis: Analysis, store: Store, paths: StudyPaths, console: Console) -> None:
    """Log the networks that the study asks for to their runs in MLflow; one that cannot be exported is reported."""
    titles = {planned_run.id: planned_run.title for planned_run in study.planned_runs}
    for run in _chosen(study, analysis):
        title = titles[run.run_id]
        try:
            with console.status(f"exporting {escape(title)}"):
                log_model(store, study.name, run.run_id, paths.run(run.run_id))
        except Exception as error:  # noqa: BLE001  # a model that cannot be exported must not cost the report
            say(f"{title} has no model in MLflow: {error}", console, "yellow")


def _chosen(study: StudySpec, analysis: Analysis) -> Iterator[AnalyzedRun]:
    """Yield the run with the best response, or that of every cell, in the order of the design."""
    measured = [run for run in analysis.runs if run.is_measured]
    if study.log_models == "best" and measured:
        yield _best(analysis, measured)
    elif study.log_models == "cell":
        cells: dict[tuple[str, ...], list[AnalyzedRun]] = {}
        for run in measured:
            cells.setdefault(tuple(run.levels.values()), []).append(run)
        yield from (_best(analysis, runs) for runs in cells.values())


def _best(analysis: Analysis, runs: Iterable[AnalyzedRun]) -> AnalyzedRun:
    """Return the run with the best response, where no direction is better that with the smallest one."""
    sign = -1 if analysis.response.metric.higher_is_better else 1
    return min(runs, key=lambda run: sign * run.response)
