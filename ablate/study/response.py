"""The response: the number that the effects of a study are effects on."""

from typing import Annotated, Self

import pandas as pd
from pydantic import Field, model_validator

from ablate.core.errors import alternatives
from ablate.core.spec_base import FrameCount, Spec
from ablate.measurement.metrics import METRICS
from ablate.measurement.run_mean import MEASURABLE_FROM, measured_mean, step_sums
from ablate.study.run import ROLLOUT, Evaluation


class Response(Spec):
    """The one number per run that the study asks about: a metric, averaged over clips and forecast steps of a view."""

    metric: str = "ghost_ratio"
    """Name of the metric, for example ghost_ratio or mse."""
    view: str = ROLLOUT
    """Name of the view, from `base.evaluation.views`."""
    first_step: FrameCount = 1
    """First forecast step, from 1."""
    last_step: FrameCount | None = None
    """Last forecast step; none means the last one of the evaluation."""
    measurable_from: Annotated[float, Field(ge=0, le=1)] = MEASURABLE_FROM
    """Share of a run's frames (clips x steps) in which the metric must be defined; with less, the run is unmeasurable.

    An unmeasurable run has no response, and counts as lost by its response. With 0, one defined frame is enough.
    """

    @model_validator(mode="after")
    def _is_defined(self) -> Self:
        if self.metric not in METRICS:
            raise ValueError(f"metric: unknown metric {self.metric!r}{alternatives(self.metric, METRICS)}")
        if self.last_step is not None and self.last_step < self.first_step:
            raise ValueError(f"last_step: found {self.last_step}; must be at least first_step, {self.first_step}")
        return self

    def of(self, scores: pd.DataFrame) -> float:
        """Return the response of one run from its scores (columns of SCORE_COLUMNS); NaN if it is unmeasurable."""
        rows = scores[(scores["metric"] == self.metric) & (scores["view"] == self.view)]
        scope = self.view, self.first_step, self.last_step
        return measured_mean(step_sums(rows), self.metric, *scope, self.measurable_from)

    def problem_with(self, evaluation: Evaluation) -> str | None:
        """Return why `evaluation` does not measure this response; None if it does."""
        if self.view not in evaluation.views:
            return f"view: unknown view {self.view!r}{alternatives(self.view, evaluation.views)}"
        name, step = ("first_step", self.first_step) if self.last_step is None else ("last_step", self.last_step)
        if step > evaluation.horizon:
            return f"{name}: found {step}; must be at most the horizon, {evaluation.horizon}"
        return None
