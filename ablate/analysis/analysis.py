"""The analysis of a study: from the table of its runs to everything that its report shows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from ablate.analysis.caveats import caveats
from ablate.analysis.cells import CellCurve, CellResult, ViewMeans, cells, curves, views
from ablate.analysis.matched_runs import AnalyzedRun, analyzed_runs
from ablate.analysis.measurability import Measurability, measurability, nothing_measured
from ablate.analysis.outcomes import (
    SQUARED_ERROR,
    Outcomes,
    RunResult,
    RunWithoutResponse,
    best_and_worst,
    outcomes,
    without_response,
)
from ablate.analysis.sequential_looks import SequentialResult, sequential_result
from ablate.analysis.study_table import StudyResponse, StudyTable, with_responses
from ablate.core.errors import AnalysisError
from ablate.core.plain import plain
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.infer import infer, infer_jointly
from ablate.inference.inference import FactorVerdict, Inference
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings
from ablate.inference.verdict import Verdict
from ablate.measurement.metrics import Metric

UNDECIDED = "The study is exploratory, so it gives no verdicts."


@dataclass(frozen=True)
class JudgedMetric:
    """A secondary metric that the study judges together with its response, and its inference."""

    metric: Metric
    inference: Inference


@dataclass(frozen=True)
class Analysis:
    """Everything that a report shows about a study, in the unit of its response.

    `deviations` are sentences on changes since the plan was preregistered, `exclusions` on runs that were excluded from
    the analysis before any run had a result. `best` and `worst` are None if no run has a response. `warnings` are the
    caveats as sentences, those of the inference included. `looks` is what the looks of a sequential study have shown,
    None of any other study.
    """

    question: str
    exploratory: bool
    deviations: tuple[str, ...]
    exclusions: tuple[str, ...]
    response: StudyResponse
    secondary: tuple[Metric, ...]
    factors: tuple[FactorLevels, ...]
    inference: Inference
    outcomes: Outcomes
    without_response: tuple[RunWithoutResponse, ...]
    cells: tuple[CellResult, ...]
    curves: tuple[CellCurve, ...]
    views: tuple[ViewMeans, ...]
    best: RunResult | None
    worst: RunResult | None
    warnings: tuple[str, ...]
    looks: SequentialResult | None = None
    judged: tuple[JudgedMetric, ...] = ()
    runs: tuple[AnalyzedRun, ...] = ()
    """Every planned run with its response, in the order of the design."""
    measurability: Measurability | None = None
    """Which factors make a run unmeasurable; None if no run diverged or is unmeasurable."""

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts, lists and numbers for JSON; a number that is not finite becomes None.

        The keys of the inference are at the top level, in the form of `ablate analyze --json`.
        """
        inference = replace(self.inference, warnings=self.warnings).to_json()
        description = {key: value for key, value in asdict(self).items() if key not in {"inference", "judged"}}
        description["judged"] = [{"metric": judged.metric.name, **judged.inference.to_json()} for judged in self.judged]
        document: dict[str, Any] = plain(description | inference)
        return document


def analyze(
    table: StudyTable, settings: InferenceSettings, judged_settings: Mapping[str, InferenceSettings] | None = None
) -> Analysis:
    """Return the analysis of the runs that have ended so far. Equal input gives an equal result.

    The secondary metrics that `judged_settings` names are judged together with the response, as one family.

    In an exploratory study every factor is undecided, whatever its numbers are. Raises AnalysisError if no run has
    scores: none has ended yet, or all that ended diverged.
    """
    response, paths = table.response, [factor.path for factor in table.factors]
    runs = with_responses(table.runs, table.sums, response, table.secondary)
    counts = outcomes(runs, table.failed_attempts, table.older_runs)
    counts = replace(counts, planned=counts.planned + table.not_needed, not_needed=table.not_needed)
    if not table.sums:
        raise AnalysisError(
            nothing_measured(counts, response)
            or "no run of this study has a result yet; run it first (ablate run), or see why its runs failed"
        )
    inference, judged = _inferences(table, runs, settings, judged_settings or {})
    best, worst = best_and_worst(runs, paths, response.metric, table.secondary)
    return Analysis(
        question=table.question,
        exploratory=table.exploratory,
        deviations=table.deviations,
        exclusions=table.exclusions,
        response=response,
        secondary=table.secondary,
        factors=table.factors,
        inference=_without_verdicts(inference) if table.exploratory else inference,
        outcomes=counts,
        without_response=without_response(runs, paths),
        cells=cells(runs, table.sums, paths, response, table.secondary),
        curves=curves(runs, table.sums, paths, response, table.secondary),
        views=views(table.sums, (response.metric, *table.secondary), response.measurable_from),
        best=best,
        worst=worst,
        warnings=(*caveats(runs, response, counts, inference.warnings), *table.unchecked),
        looks=None if table.exploratory else sequential_result(inference, table.decided_after),
        judged=tuple(
            JudgedMetric(metric, _without_verdicts(judged_inference) if table.exploratory else judged_inference)
            for metric, judged_inference in judged
        ),
        runs=analyzed_runs(runs, paths),
        measurability=measurability(_ended(table, runs), table.factors, settings, judged=not table.exploratory),
    )


def _inferences(
    table: StudyTable,
    runs: pd.DataFrame,
    settings: InferenceSettings,
    judged_settings: Mapping[str, InferenceSettings],
) -> tuple[Inference, list[tuple[Metric, Inference]]]:
    """Return the inference of the response, and of every judged metric."""
    if not judged_settings:
        return infer(_run_table(table, runs), settings), []
    response = table.response.metric.name
    tables = {response: _run_table(table, runs)}
    tables |= {name: _run_table(table, runs.assign(response=runs[name])) for name in judged_settings}
    inferences = infer_jointly(tables, {response: settings, **judged_settings})
    judged = [(metric, inferences[metric.name]) for metric in table.secondary if metric.name in judged_settings]
    return inferences[response], judged


def infer_verdicts(table: StudyTable, settings: InferenceSettings) -> tuple[Inference, int]:
    """Return the inference from the runs that have ended so far, and the number of runs with a response.

    It lacks what only describes the runs.
    """
    runs = with_responses(table.runs, table.sums, table.response, table.secondary)
    return infer(_run_table(table, runs), settings, described=False), int(runs["response"].notna().sum())


def with_looks(analysis: Analysis, exploratory: str | None, unplanned: Sequence[str]) -> Analysis:
    """Return the analysis with the looks at the results that were not planned.

    `exploratory` says from which look on the verdicts are exploratory, None if all looks were planned.
    """
    verdicts = tuple(
        verdict
        if exploratory is None or verdict.verdict is Verdict.UNDECIDED
        else replace(verdict, exploratory="; ".join(filter(None, (verdict.exploratory, exploratory))))
        for verdict in analysis.inference.verdicts
    )
    inference = replace(analysis.inference, verdicts=verdicts)
    return replace(analysis, inference=inference, deviations=(*analysis.deviations, *unplanned))


def _run_table(table: StudyTable, runs: pd.DataFrame) -> RunTable:
    """Return the runs that have ended. A run that has not started has no response, but it has not failed either.

    A sequential study looks at complete seeds only: its workers may be ahead of its decisions.
    """
    mediators = [metric.name for metric in table.secondary if metric.name == SQUARED_ERROR]
    return RunTable.of(_ended(table, runs), table.factors, "seed", mediators)


def _ended(table: StudyTable, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that have ended; of a sequential study, those of complete seeds."""
    ended = runs[runs["outcome"] != "missing"]
    if table.complete_seeds:
        return ended[ended["seed"].isin(table.complete_seeds)]
    return ended


def _without_verdicts(inference: Inference) -> Inference:
    return replace(inference, verdicts=tuple(map(_undecided, inference.verdicts)))


def _undecided(verdict: FactorVerdict) -> FactorVerdict:
    return replace(
        verdict,
        verdict=Verdict.UNDECIDED,
        partners=(),
        more_seeds_needed=None,
        reason=UNDECIDED,
        exploratory=UNDECIDED,
    )
