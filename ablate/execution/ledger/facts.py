"""What a trial says of its run: the state, and the numbers beside its value."""

import math
from typing import Any

from optuna.trial import TrialState

from ablate.execution.measured_run import MeasuredRun
from ablate.measurement.metrics import SECONDARY
from ablate.study import PlannedRun, StudySpec

SETTLED = (TrialState.COMPLETE, TrialState.PRUNED)


def settled_state(measured: MeasuredRun) -> TrialState:
    """Return how a trial ends: COMPLETE with a finite response, PRUNED without one."""
    return TrialState.COMPLETE if math.isfinite(measured.response) else TrialState.PRUNED


def planned_facts(planned_run: PlannedRun) -> dict[str, Any]:
    """Return which run a trial is of; its levels are the trial's parameters."""
    return {"run": planned_run.id, "seed": planned_run.seed}


def measured_facts(study: StudySpec, measured: MeasuredRun) -> dict[str, Any]:
    """Return how a run ended, and the means beside its response, by `view/metric`.

    The means are those of the secondary metrics and of the metrics that the study judges, where they are measurable:
    Optuna writes each number by itself, and MLflow has all metrics. `defined_share` says in how many of its frames the
    response is defined, `reason` why a run is unmeasurable.
    """
    facts: dict[str, Any] = {"outcome": measured.outcome}
    if not math.isnan(measured.defined_share):
        facts["defined_share"] = measured.defined_share
    if measured.reason:
        facts["reason"] = measured.reason
    metrics = {*SECONDARY, *study.analysis.judged_metrics}
    return facts | {f"{view}/{metric}": mean for (view, metric), mean in measured.means.items() if metric in metrics}
