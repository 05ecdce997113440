"""The numbers of a run as MLflow shows them: few metrics, each worth a column, and a table of all means as a file."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel

from ablate.execution.measured_run import LAGS, MeasuredRun
from ablate.measurement.metrics.trail import TRAIL
from ablate.storage.records import RunRecord
from ablate.study import Response, StudySpec, level_name

RESPONSE, DEFINED_SHARE = "response", "response_defined_share"
CURVES = {"curves/loss": "loss", "curves/held_out_loss": "held_out_loss"}
"""Metrics of the loss curve, and their columns. MLflow sorts its charts by what comes before the slash."""
COST_FIRST = ("training_seconds", "peak_memory_mib", "seconds", "parameters")
Numbers = dict[tuple[str, int], float]
"""Metrics by name and step."""


def flat_settings(block: BaseModel) -> Iterator[tuple[str, str]]:
    """Yield every setting by its path, written like a level."""
    branches: list[tuple[str, Any]] = list(block.model_dump(mode="json").items())
    while branches:
        path, value = branches.pop(0)
        if isinstance(value, dict):
            branches += [(f"{path}.{key}", below) for key, below in value.items()]
        else:
            yield path, level_name(value)


def run_metrics(study: StudySpec, record: RunRecord, measured: MeasuredRun) -> Numbers:
    """Return the metrics of a finished run, in the order in which MLflow lists them.

    First the response, which is missing from a run that has none, so that it sorts nowhere. Then every measurable mean
    of the response's view, the response's metric in the other views, what the run cost, and the response's metric by
    forecast step and by lag. `means_table` has the rest.
    """
    response = {RESPONSE: measured.response, DEFINED_SHARE: measured.defined_share}
    numbers = {name: float(fact) for name, fact in record.facts.items() if not isinstance(fact, str)}
    cost = {name: numbers.pop(name) for name in COST_FIRST if name in numbers}
    facts = {
        name: value for name, value in numbers.items() if "/" not in name or name.startswith(f"{study.response.view}/")
    }
    values = response | _view_means(study.response, measured) | _other_views(study.response, measured) | cost | facts
    results: Numbers = {(name, 0): value for name, value in values.items() if not math.isnan(value)}
    return results | _by_forecast_step(study.response, record, measured) | _by_lag(study.response, measured)


def means_table(record: RunRecord, measured: MeasuredRun) -> str:
    """Return every mean of a run as CSV: over all forecast steps, and at each of them.

    `step` is empty for the mean over all steps. `defined_share` is the share of the frames that define the metric.
    `measurable` is True where enough frames define it for its mean over all steps to count.
    """
    table = record.scores.astype({"value": float}).groupby(["view", "metric"])["value"].agg(["mean", "count", "size"])
    by_step = _by_step(record).reset_index()
    whole = table.reset_index().assign(step="")
    rows = pd.concat([whole, by_step]).sort_values(["view", "metric"], kind="stable")
    shares = rows["count"] / rows["size"]
    counts = [key in measured.means for key in zip(rows["view"], rows["metric"], strict=True)]
    columns = rows[["view", "metric", "step", "mean"]]
    return columns.assign(defined_share=shares, measurable=counts).to_csv(index=False, float_format="%.6g")


def _view_means(response: Response, measured: MeasuredRun) -> dict[str, float]:
    """Return the means of the response's view. Those of single lags are points of one chart."""
    return {
        f"{view}/{metric}": mean
        for (view, metric), mean in measured.means.items()
        if view == response.view and metric not in LAGS
    }


def _other_views(response: Response, measured: MeasuredRun) -> dict[str, float]:
    return {
        f"{metric}_by_view/{view}": mean
        for (view, metric), mean in measured.means.items()
        if view != response.view and metric == response.metric
    }


def _by_forecast_step(response: Response, record: RunRecord, measured: MeasuredRun) -> Numbers:
    """Return the response's metric at every forecast step that enough clips define."""
    if (response.view, response.metric) not in measured.means:
        return {}
    steps = _by_step(record).reset_index()
    steps = steps[(steps["view"] == response.view) & (steps["metric"] == response.metric)]
    steps = steps[np.isfinite(steps["mean"]) & (steps["count"] >= response.measurable_from * steps["size"])]
    name = f"{response.view}_per_step/{response.metric}"
    return {(name, int(step)): float(mean) for step, mean in zip(steps["step"], steps["mean"], strict=True)}


def _by_lag(response: Response, measured: MeasuredRun) -> Numbers:
    """Return the trail of the response's view as one chart over the lags."""
    lags = {lag.name: number for number, lag in enumerate(TRAIL, start=1)}
    return {
        (f"{view}_trail/by_lag", lags[metric]): mean
        for (view, metric), mean in measured.means.items()
        if view == response.view and metric in lags
    }


def _by_step(record: RunRecord) -> pd.DataFrame:
    """Return mean, number of defined values and number of clips, by view, metric and forecast step."""
    scores = record.scores.astype({"value": float})
    return scores.groupby(["view", "metric", "step"])["value"].agg(["mean", "count", "size"])
