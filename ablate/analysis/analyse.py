"""From the table of a study to what it found."""

from ablate.analysis.analysis import Analysis
from ablate.analysis.bootstrap import Resampling
from ablate.analysis.cautions import cautions
from ablate.analysis.cells import cells, curves
from ablate.analysis.effects import effects
from ablate.analysis.extremes import best_and_worst
from ablate.analysis.interactions import interactions
from ablate.analysis.outcomes import outcomes, without_response
from ablate.analysis.response import with_responses
from ablate.analysis.study_table import StudyTable
from ablate.analysis.views import views
from ablate.errors import AnalysisError


def analyse(table: StudyTable, resampling: Resampling) -> Analysis:
    """Return what the study found so far. Equal input gives an equal result.

    Raises AnalysisError where no run has a result yet.
    """
    if not table.scores:
        raise AnalysisError(
            "no run of this study has a result yet; run it first (ablate run), or see why its runs failed"
        )
    response, paths = table.response, [factor.path for factor in table.factors]
    runs = with_responses(table.runs, table.scores, response, table.companions)
    found = effects(runs, table.factors, resampling)
    together = interactions(runs, table.factors, resampling)
    counts = outcomes(runs)
    best, worst = best_and_worst(runs, paths, response.measure, table.companions)
    return Analysis(
        question=table.question,
        exploratory=table.exploratory,
        response=response,
        companions=table.companions,
        factors=table.factors,
        resampling=resampling,
        outcomes=counts,
        without_response=without_response(runs, paths),
        cells=cells(runs, paths, table.companions),
        effects=found,
        interactions=together,
        curves=curves(runs, table.scores, paths, (response.measure, *table.companions), response.view),
        views=views(table.scores, (response.measure, *table.companions)),
        best=best,
        worst=worst,
        warnings=cautions(runs, response, counts, (*found, *together), resampling),
    )
