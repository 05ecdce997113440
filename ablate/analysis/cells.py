"""Means of a study: of every cell, of every cell over the forecast steps, and of every view."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ablate.measurement.metrics import Metric


@dataclass(frozen=True)
class CellResult:
    """A combination of levels, and the mean, lowest and highest response over its seeds.

    `defined` of the `planned` runs have a response; if none has, the three numbers are NaN. `secondary` holds the means
    of the secondary metrics by name.
    """

    levels: Mapping[str, str]
    planned: int
    defined: int
    mean: float
    lowest: float
    highest: float
    secondary: Mapping[str, float]


@dataclass(frozen=True)
class CellCurve:
    """A metric over the forecast steps of a cell: mean over clips, then over seeds; NaN where it is undefined."""

    metric: Metric
    levels: Mapping[str, str]
    steps: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class ViewMeans:
    """One view, and by metric the mean over its clips and steps, then over all runs that have scores.

    A frame in which a metric is undefined (NaN) is left out of its mean; a metric without any defined frame is NaN.
    """

    view: str
    means: Mapping[str, float]


def cells(runs: pd.DataFrame, factors: Sequence[str], secondary: Sequence[Metric]) -> tuple[CellResult, ...]:
    """Return every cell in the order of the design; `runs` has the columns of `with_responses`."""
    return tuple(_cell(levels, cell_runs, secondary) for levels, cell_runs in _by_cell(runs, factors))


def curves(
    runs: pd.DataFrame,
    sums: Mapping[str, pd.DataFrame],
    factors: Sequence[str],
    metrics: Sequence[Metric],
    view: str,
) -> tuple[CellCurve, ...]:
    """Return the curve of every metric and every cell with scores, in the order of both; `sums` as in StudyTable."""
    cell_curves = []
    for metric in metrics:
        for levels, cell_runs in _by_cell(runs, factors):
            steps = [_step_means(sums[run_id], metric.name, view) for run_id in cell_runs["run_id"] if run_id in sums]
            if steps:
                means = pd.concat(steps, axis=1).mean(axis=1).sort_index()
                cell_curves.append(CellCurve(metric, levels, tuple(map(int, means.index)), tuple(map(float, means))))
    return tuple(cell_curves)


def views(sums: Mapping[str, pd.DataFrame], metrics: Sequence[Metric]) -> tuple[ViewMeans, ...]:
    """Return every view that was scored, in order of first appearance; `sums` as in StudyTable.

    All runs have the same weight, whatever their number of defined frames. The views of a study share their trained
    networks, so two rows differ only by the view.
    """
    names = [metric.name for metric in metrics]
    means = [_view_means(run_sums) for run_sums in sums.values()]
    if not means:
        return ()
    mean = pd.concat(means).groupby(level=["view", "metric"], sort=False).mean()
    order = dict.fromkeys(mean.index.get_level_values("view"))
    return tuple(ViewMeans(view, {name: float(mean.get((view, name), math.nan)) for name in names}) for view in order)


def _by_cell(runs: pd.DataFrame, factors: Sequence[str]) -> Iterator[tuple[Mapping[str, str], pd.DataFrame]]:
    """Yield every combination of levels with its runs, in order of first appearance."""
    if not factors:
        yield {}, runs
        return
    for levels, cell_runs in runs.groupby(list(factors), sort=False):
        yield dict(zip(factors, map(str, levels), strict=True)), cell_runs


def _cell(levels: Mapping[str, str], cell_runs: pd.DataFrame, secondary: Sequence[Metric]) -> CellResult:
    response = cell_runs["response"]
    return CellResult(
        levels=levels,
        planned=len(cell_runs),
        defined=int(response.notna().sum()),
        mean=float(response.mean()),
        lowest=float(response.min()) if response.notna().any() else math.nan,
        highest=float(response.max()) if response.notna().any() else math.nan,
        secondary={metric.name: float(cell_runs[metric.name].mean()) for metric in secondary},
    )


def _step_means(sums: pd.DataFrame, metric: str, view: str) -> pd.Series:
    rows = sums[(sums["metric"] == metric) & (sums["view"] == view)].set_index("step")
    return _ratio(rows)


def _view_means(sums: pd.DataFrame) -> pd.Series:
    return _ratio(sums.groupby(["view", "metric"], sort=False)[["total", "defined"]].sum())


def _ratio(sums: pd.DataFrame) -> pd.Series:
    return sums["total"] / sums["defined"].where(sums["defined"] > 0)
