"""The parent run of a study in MLflow, brought up to date after `ablate report`."""

from rich.console import Console

from ablate.commands.console import say
from ablate.core.errors import AblateError
from ablate.execution.lock import held
from ablate.execution.tracking.mlflow_experiment import StudyReport, refresh_report
from ablate.storage.paths import Store, StudyPaths
from ablate.study import StudySpec


def refresh_parent_if_free(study: StudySpec, summary: str, store: Store, paths: StudyPaths, console: Console) -> None:
    """Log the report to the parent run, unless a driver is at work, which will do so, or the store is read-only."""
    try:
        with held(paths.lock):
            try:
                refresh_report(store, StudyReport(study, paths, summary))
            except AblateError as error:
                say(f"the parent run in MLflow shows an earlier report: {error}", console, "yellow")
    except (AblateError, OSError):
        return
