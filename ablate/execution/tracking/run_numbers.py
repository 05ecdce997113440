"""The numbers of a run as MLflow shows them: its settings, and its means by forecast step and by lag."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import BaseModel

from ablate.execution.measured_run import MeasuredRun
from ablate.measurement.metrics.trail import TRAIL
from ablate.storage.records import RunRecord
from ablate.study import level_name


def flat_settings(block: BaseModel) -> Iterator[tuple[str, str]]:
    """Yield every setting by its path, written like a level."""
    branches: list[tuple[str, Any]] = list(block.model_dump(mode="json").items())
    while branches:
        path, value = branches.pop(0)
        if isinstance(value, dict):
            branches += [(f"{path}.{key}", below) for key, below in value.items()]
        else:
            yield path, level_name(value)


def by_lag(measured: MeasuredRun) -> dict[tuple[str, int], float]:
    """Return the trail of every view as one chart over the lags."""
    lags = {lag.name: number for number, lag in enumerate(TRAIL, start=1)}
    return {
        (f"{view}_trail/by_lag", lags[metric]): mean
        for (view, metric), mean in measured.means.items()
        if metric in lags
    }


def by_forecast_step(record: RunRecord, measured: MeasuredRun, measurable_from: float) -> dict[tuple[str, int], float]:
    """Return every measurable metric as a chart over the forecast steps that enough clips define.

    The lags of the trail have a chart of their own.
    """
    scores = record.scores[~record.scores["metric"].isin([lag.name for lag in TRAIL])].astype({"value": float})
    by_step = scores.groupby(["view", "metric", "step"])["value"].agg(["mean", "count", "size"]).reset_index()
    counts = np.isfinite(by_step["mean"]) & (by_step["count"] >= measurable_from * by_step["size"])
    return {
        (f"{row['view']}_per_step/{row['metric']}", row["step"]): row["mean"]
        for _, row in by_step[counts].iterrows()
        if (row["view"], row["metric"]) in measured.means
    }
