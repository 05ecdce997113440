"""The page of a study in the Optuna dashboard, written after each report."""

from rich.console import Console

from ablate.analysis import Analysis
from ablate.analysis.answer import conclusions
from ablate.commands.console import say
from ablate.core.errors import AblateError
from ablate.execution.ledger.window import PLOT_OF_ABLATE, StudyPage, show_page
from ablate.execution.lock import held, held_on_server
from ablate.report.markdown import study_note
from ablate.report.plotly_charts import PlotlyFigure, effects_plot, importance_plot
from ablate.report.shown_inference import ShownInference
from ablate.storage.paths import Store, StudyPaths
from ablate.study import StudySpec


def refresh_page(study: StudySpec, analysis: Analysis, store: Store, paths: StudyPaths, console: Console) -> None:
    """Write a study's page in Optuna; a database that cannot be used costs a warning. The caller holds the lock."""
    files = (paths.report_html, paths.comparison, paths.runs_csv)
    answer = f"{'Exploratory: ' if analysis.exploratory else ''}{conclusions(analysis)[0]}"
    note = study_note(analysis, paths.report_html)
    page = StudyPage(note, answer, paths.report_html, _plots(analysis), files)
    try:
        show_page(store, study, paths, page)
    except AblateError as error:
        say(f"the page in the Optuna dashboard is that of an earlier report: {error}", console, "yellow")


def refresh_page_if_free(
    study: StudySpec, analysis: Analysis, store: Store, paths: StudyPaths, console: Console
) -> None:
    """Write a study's page in Optuna, unless a driver is at work, which will do so, or the store is read-only."""
    try:
        with held(paths.lock), held_on_server(store.optuna_url, study.name):
            refresh_page(study, analysis, store, paths, console)
    except (AblateError, OSError):
        return


def _plots(analysis: Analysis) -> dict[str, PlotlyFigure]:
    """Return the charts by their identifiers: effects on the response and each judged metric, and the importance."""
    inferences = {"effects": (analysis.inference, analysis.response.metric.title)}
    inferences |= {
        f"effects-{judged.metric.name}": (judged.inference, judged.metric.title) for judged in analysis.judged
    }
    drawn = {
        name: ShownInference(inference, title, decided=not analysis.exploratory)
        for name, (inference, title) in inferences.items()
    }
    plots = {name: effects_plot(inference) for name, inference in drawn.items()}
    plots["importance"] = importance_plot(drawn["effects"])
    return {PLOT_OF_ABLATE + name: plot for name, plot in plots.items() if plot is not None}
