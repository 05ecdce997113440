"""From the table of a study to what it found."""

from dataclasses import replace

import pandas as pd

from ablate.analysis.analysis import Analysis
from ablate.analysis.caveats import caveats
from ablate.analysis.cells import cells, curves
from ablate.analysis.extremes import ERROR, best_and_worst
from ablate.analysis.outcomes import outcomes, without_response
from ablate.analysis.responses import with_responses
from ablate.analysis.study_table import StudyTable
from ablate.analysis.views import views
from ablate.core.errors import AnalysisError
from ablate.inference.infer import infer
from ablate.inference.inference import FactorVerdict, Inference
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings
from ablate.inference.verdict import Verdict

UNDECIDED = "The study is exploratory, and decides nothing."


def analyze(table: StudyTable, settings: InferenceSettings) -> Analysis:
    """Return what the study found so far. Equal input gives an equal result.

    Of an exploratory study every factor stays undecided, whatever its numbers are. Raises AnalysisError where no run
    has a result yet.
    """
    if not table.sums:
        raise AnalysisError(
            "no run of this study has a result yet; run it first (ablate run), or see why its runs failed"
        )
    response, paths = table.response, [factor.path for factor in table.factors]
    runs = with_responses(table.runs, table.sums, response, table.secondary)
    counts = outcomes(runs, table.failed_attempts)
    inference = infer(_run_table(table, runs), settings)
    best, worst = best_and_worst(runs, paths, response.metric, table.secondary)
    return Analysis(
        question=table.question,
        exploratory=table.exploratory,
        deviations=table.deviations,
        response=response,
        secondary=table.secondary,
        factors=table.factors,
        inference=_undecided(inference) if table.exploratory else inference,
        outcomes=counts,
        without_response=without_response(runs, paths),
        cells=cells(runs, paths, table.secondary),
        curves=curves(runs, table.sums, paths, (response.metric, *table.secondary), response.view),
        views=views(table.sums, (response.metric, *table.secondary)),
        best=best,
        worst=worst,
        warnings=caveats(runs, response, counts, inference.warnings),
    )


def _run_table(table: StudyTable, runs: pd.DataFrame) -> RunTable:
    """Return the runs that have ended: one that has not run yet has neither a response nor failed."""
    mediators = [metric.name for metric in table.secondary if metric.name == ERROR]
    return RunTable.of(runs[runs["outcome"] != "missing"], table.factors, "seed", mediators)


def _undecided(inference: Inference) -> Inference:
    verdicts = tuple(map(_open, inference.verdicts))
    return replace(inference, verdicts=verdicts)


def _open(verdict: FactorVerdict) -> FactorVerdict:
    return replace(
        verdict,
        verdict=Verdict.UNDECIDED,
        partners=(),
        more_seeds_needed=None,
        reason=UNDECIDED,
        exploratory=UNDECIDED,
    )
