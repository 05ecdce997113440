"""What a trial says of its run: the state, and the numbers beside its value."""

import math
from typing import Any

from optuna.trial import TrialState

from ablate.execution.measured_run import MeasuredRun
from ablate.measurement.metrics import SECONDARY

SETTLED = (TrialState.COMPLETE, TrialState.PRUNED)


def settled_state(measured: MeasuredRun) -> TrialState:
    """Return how a trial ends: COMPLETE with a finite response, PRUNED without one."""
    return TrialState.COMPLETE if math.isfinite(measured.response) else TrialState.PRUNED


def outcome_facts(measured: MeasuredRun) -> dict[str, Any]:
    """Return how a run ended, in how many of its frames the response is defined, and why it is unmeasurable."""
    facts: dict[str, Any] = {"outcome": measured.outcome}
    if not math.isnan(measured.defined_share):
        facts["defined_share"] = measured.defined_share
    return facts | ({"reason": measured.reason} if measured.reason else {})


def secondary_means(measured: MeasuredRun) -> dict[str, float]:
    """Return the measurable means of the secondary metrics, by `view/metric`."""
    return {f"{view}/{metric}": mean for (view, metric), mean in measured.means.items() if metric in SECONDARY}
