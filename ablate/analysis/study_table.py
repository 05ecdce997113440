"""The input of an analysis as plain values: the runs of a study, and their scores."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ablate.analysis.unmeasurable import FINISHED, UNMEASURABLE, unmeasurable_reason
from ablate.core.errors import TableError
from ablate.inference.factor_levels import FactorLevels
from ablate.measurement.metrics import Metric
from ablate.measurement.run_mean import MEASURABLE_FROM, defined_share, measured_mean

RUN_COLUMNS = ["run_id", "seed", "outcome", "message"]


@dataclass(frozen=True)
class StudyResponse:
    """The one number per run that the study is about: a metric's mean over clips and the given steps of a view.

    A run in which the metric is defined in less than the share `measurable_from` of these frames is unmeasurable.
    """

    metric: Metric
    view: str
    first_step: int
    last_step: int
    measurable_from: float = MEASURABLE_FROM

    @property
    def scope(self) -> tuple[str, int, int]:
        """The view, and the first and last step."""
        return self.view, self.first_step, self.last_step


@dataclass(frozen=True)
class StudyTable:
    """The results of a study, finished or not.

    `runs` has one row for every planned run: a column for each factor's path with the name of its level, and
    RUN_COLUMNS. `outcome` is finished, diverged, failed, excluded or missing; `with_responses` adds unmeasurable.
    `message` says why a run failed or was excluded; it is empty for all others. Three columns are optional:
    `best_offset` and `copies` say how the forecast fits in time (see scoring's Alignment), `micro_batches` is the
    number of micro-batches per batch.
    `sums` holds the scores of each finished run by run id, summed over its clips, from `step_sums`.
    `secondary` are the metrics reported in addition to the response. `deviations` are sentences on changes since the
    plan was preregistered, `unchecked` on what could not be compared with it, and `exclusions` on every run that was
    excluded before any run had a result: a later exclusion is a deviation. `failed_attempts` counts every attempt
    without a result by kind, including those that a retry replaced. `older_runs` names stored runs that use a field
    which this version no longer has.

    Raises TableError if a column is missing or a run id occurs twice.
    """

    question: str
    exploratory: bool
    factors: tuple[FactorLevels, ...]
    response: StudyResponse
    runs: pd.DataFrame
    sums: Mapping[str, pd.DataFrame] = field(repr=False)
    secondary: tuple[Metric, ...] = ()
    deviations: tuple[str, ...] = ()
    failed_attempts: Mapping[str, int] = field(default_factory=dict)
    older_runs: tuple[str, ...] = ()
    complete_seeds: tuple[int, ...] | None = None
    """Seeds of a sequential study of which every run has ended; None of any other study."""
    not_needed: int = 0
    """Runs that are not among `runs`, since the study was decided before their seeds."""
    decided_after: int | None = None
    """Number of seeds after which a sequential study was stopped; None if it was not."""
    unchecked: tuple[str, ...] = ()
    exclusions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        required = [*RUN_COLUMNS, *(factor.path for factor in self.factors)]
        if absent := [column for column in required if column not in self.runs.columns]:
            raise TableError(f"the table of runs lacks the columns {absent}; it needs {required}")
        if self.runs["run_id"].duplicated().any():
            raise TableError("the table of runs has a run id twice; give every planned run one row")


def with_responses(
    runs: pd.DataFrame, sums: Mapping[str, pd.DataFrame], response: StudyResponse, secondary: Sequence[Metric] = ()
) -> pd.DataFrame:
    """Return `runs` with the columns `response`, `undefined_share`, and one for each secondary metric, by its name.

    A finished run whose response is not measurable gets the outcome `unmeasurable`, with the reason as its message, and
    has no response. `sums` is as in StudyTable; a run without scores has NaN in all these columns. Secondary metrics
    are averaged over the view and the steps of the response, and have the same floor: NaN below it.
    """
    scores = [sums.get(run_id) for run_id in runs["run_id"]]
    floor, name = response.measurable_from, response.metric.name

    def column(metric: str) -> list[float]:
        return [
            math.nan if run_sums is None else measured_mean(run_sums, metric, *response.scope, floor)
            for run_sums in scores
        ]

    undefined = [
        math.nan if run_sums is None else 1 - defined_share(run_sums, name, *response.scope) for run_sums in scores
    ]
    columns = {"response": column(name), "undefined_share": undefined}
    columns |= {metric.name: column(metric.name) for metric in secondary}
    return _with_unmeasurable(runs.assign(**columns), scores, response)


def _with_unmeasurable(
    runs: pd.DataFrame, scores: Sequence[pd.DataFrame | None], response: StudyResponse
) -> pd.DataFrame:
    """Return the runs with the outcome and the reason of those that finished without a response."""
    has_scores = np.array([run_sums is not None for run_sums in scores], bool)
    is_lost = (runs["outcome"] == FINISHED) & runs["response"].isna() & has_scores
    reasons = [
        unmeasurable_reason(run_sums, response.metric, response.scope, response.measurable_from)
        if lost and run_sums is not None
        else message
        for lost, run_sums, message in zip(is_lost, scores, runs["message"], strict=True)
    ]
    return runs.assign(outcome=runs["outcome"].where(~is_lost, UNMEASURABLE), message=reasons)
