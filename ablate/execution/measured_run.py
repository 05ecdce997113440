"""What a run's record means to its study: the outcome, the response, and the means that are measurable."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ablate.analysis.study_table import StudyResponse
from ablate.analysis.unmeasurable import FINISHED, UNMEASURABLE, unmeasurable_reason
from ablate.measurement.metrics import METRICS
from ablate.measurement.metrics.ghost import DEFINITION
from ablate.measurement.metrics.trail import TRAIL
from ablate.measurement.run_mean import defined_share, is_measurable, step_sums
from ablate.storage.records import RunRecord
from ablate.study import StudySpec

LAGS, GHOST = frozenset(lag.name for lag in TRAIL), "ghost_ratio"


@dataclass(frozen=True)
class MeasuredRun:
    """A run as its study counts it.

    `outcome` is finished, diverged or unmeasurable; `response` is NaN unless it is finished. `defined_share` is the
    share of the response's frames that define its metric, NaN if the run diverged. `reason` says in words why the run
    is unmeasurable; it is empty for all others.
    """

    outcome: str
    response: float
    defined_share: float
    reason: str
    defined_shares: Mapping[tuple[str, str], float]
    """The share of all frames of a view that define a metric, by view and metric."""
    means: Mapping[tuple[str, str], float]
    """The finite means over all clips and steps of a view, by view and metric, of those that are measurable."""

    @property
    def named_means(self) -> dict[str, float]:
        """The means as `view/metric`, the names that MLflow and Optuna show."""
        return {f"{view}/{metric}": mean for (view, metric), mean in self.means.items()}


def measured_run(study: StudySpec, record: RunRecord) -> MeasuredRun:
    """Return what the record of a run means to its study."""
    response, value = study_response(study), study.response.of(record.scores)
    floor = response.measurable_from
    lost = record.outcome == FINISHED and math.isnan(value)
    sums = step_sums(record.scores)
    shares = record.defined_shares
    return MeasuredRun(
        outcome=UNMEASURABLE if lost else record.outcome,
        response=value,
        defined_share=defined_share(sums, response.metric.name, *response.scope),
        reason=unmeasurable_reason(sums, response.metric, response.scope, floor) if lost else "",
        defined_shares=shares,
        means={key: mean for key, mean in record.metric_means.items() if _counts(shares, *key, floor)},
    )


def response_definition(study: StudySpec) -> str:
    """Return what a study's response is, in words: two runs with the same definition have comparable responses."""
    response = study_response(study)
    return (
        f"{response.view}/{response.metric.name}, steps {response.first_step} to {response.last_step}, measurable from "
        f"{response.measurable_from:g}, ghost definition {DEFINITION}"
    )


def study_response(study: StudySpec) -> StudyResponse:
    """Return the response of a study in the form that the analysis takes."""
    response = study.response
    return StudyResponse(
        metric=METRICS[response.metric],
        view=response.view,
        first_step=response.first_step,
        last_step=response.last_step or study.base.evaluation.horizon,
        measurable_from=response.measurable_from,
    )


def _counts(shares: Mapping[tuple[str, str], float], view: str, metric: str, floor: float) -> bool:
    """Return whether a mean counts. A trail counts where the ghost ratio does: few frames have pixels of a long lag."""
    decisive = (view, GHOST) if metric in LAGS and (view, GHOST) in shares else (view, metric)
    return is_measurable(shares[decisive], floor)
