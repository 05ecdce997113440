"""Means of a study: of every cell, of every cell over the forecast steps, and of every view."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from ablate.analysis.study_table import StudyResponse
from ablate.measurement.metrics import Metric
from ablate.measurement.run_mean import MEASURABLE_FROM, defined_share


@dataclass(frozen=True)
class CellResult:
    """A combination of levels, and the mean, lowest and highest response over its seeds.

    `defined` of the `planned` runs have a response; if none has, the three numbers are NaN. `secondary` holds the means
    of the secondary metrics by name. All are over the runs in which the metric is measurable, and over their frames in
    which it is defined: `defined_share` has the share of these frames by metric, in [0, 1], NaN without such a run.
    """

    levels: Mapping[str, str]
    planned: int
    defined: int
    mean: float
    lowest: float
    highest: float
    secondary: Mapping[str, float]
    defined_share: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class CellCurve:
    """A metric over the forecast steps of a cell: mean over clips, then over seeds.

    Only runs in which the metric is measurable count, and of these the steps at which as large a share of the clips
    defines it. `defined_share` is the share of the clips by step behind each mean, in [0, 1]; both are NaN without any.
    """

    metric: Metric
    levels: Mapping[str, str]
    steps: tuple[int, ...]
    values: tuple[float, ...]
    defined_share: tuple[float, ...] = ()


@dataclass(frozen=True)
class ViewMeans:
    """One view, and by metric the mean over its clips and steps, then over the runs in which it is measurable there.

    A frame in which a metric is undefined (NaN) is left out of its mean; a metric without any measurable run is NaN.
    `defined_share` is the share of these runs' frames that define the metric, by metric.
    """

    view: str
    means: Mapping[str, float]
    defined_share: Mapping[str, float] = field(default_factory=dict)


def cells(
    runs: pd.DataFrame,
    sums: Mapping[str, pd.DataFrame],
    factors: Sequence[str],
    response: StudyResponse,
    secondary: Sequence[Metric],
) -> tuple[CellResult, ...]:
    """Return every cell in the order of the design; `runs` has the columns of `with_responses`."""
    columns = {response.metric.name: "response", **{metric.name: metric.name for metric in secondary}}
    shares = pd.DataFrame(
        {
            name: [
                defined_share(sums[run_id], name, *response.scope) if math.isfinite(value) else math.nan
                for run_id, value in zip(runs["run_id"], runs[column], strict=True)
            ]
            for name, column in columns.items()
        },
        index=runs.index,
    )
    return tuple(
        _cell(levels, cell_runs, shares.loc[cell_runs.index], secondary)
        for levels, cell_runs in _by_cell(runs, factors)
    )


def curves(
    runs: pd.DataFrame,
    sums: Mapping[str, pd.DataFrame],
    factors: Sequence[str],
    response: StudyResponse,
    secondary: Sequence[Metric],
) -> tuple[CellCurve, ...]:
    """Return the curve of every metric and every cell with scores, in the order of both; `sums` as in StudyTable."""
    columns = {response.metric: "response", **{metric: metric.name for metric in secondary}}
    cell_curves = []
    for metric, column in columns.items():
        for levels, cell_runs in _by_cell(runs, factors):
            scored = [
                (_steps(sums[run_id], metric.name, response.view), is_measured)
                for run_id, is_measured in zip(cell_runs["run_id"], cell_runs[column].notna(), strict=True)
                if run_id in sums
            ]
            if scored:
                steps = [rows if measured else rows.assign(mean=math.nan) for rows, measured in scored]
                cell_curves.append(_curve(metric, levels, steps, response.measurable_from))
    return tuple(cell_curves)


def views(
    sums: Mapping[str, pd.DataFrame], metrics: Sequence[Metric], measurable_from: float = MEASURABLE_FROM
) -> tuple[ViewMeans, ...]:
    """Return every view that was scored, in order of first appearance; `sums` as in StudyTable.

    All runs have the same weight, whatever their number of defined frames. The views of a study share their trained
    networks, so two rows differ only by the view. A metric that a run defines in less than the share `measurable_from`
    of a view's frames leaves the run out of its mean there.
    """
    names = [metric.name for metric in metrics]
    runs = [_by_view(run_sums) for run_sums in sums.values()]
    if not runs:
        return ()
    means = _measurable(pd.concat(runs), measurable_from).groupby(level=["view", "metric"], sort=False).mean()
    order = dict.fromkeys(means.index.get_level_values("view"))

    def by_metric(column: str, view: str) -> dict[str, float]:
        return {name: float(means[column].get((view, name), math.nan)) for name in names}

    return tuple(ViewMeans(view, by_metric("mean", view), by_metric("share", view)) for view in order)


def _by_cell(runs: pd.DataFrame, factors: Sequence[str]) -> Iterator[tuple[Mapping[str, str], pd.DataFrame]]:
    """Yield every combination of levels with its runs, in order of first appearance."""
    if not factors:
        yield {}, runs
        return
    for levels, cell_runs in runs.groupby(list(factors), sort=False):
        yield dict(zip(factors, map(str, levels), strict=True)), cell_runs


def _cell(
    levels: Mapping[str, str], cell_runs: pd.DataFrame, shares: pd.DataFrame, secondary: Sequence[Metric]
) -> CellResult:
    response = cell_runs["response"]
    return CellResult(
        levels=levels,
        planned=len(cell_runs),
        defined=int(response.notna().sum()),
        mean=float(response.mean()),
        lowest=float(response.min()) if response.notna().any() else math.nan,
        highest=float(response.max()) if response.notna().any() else math.nan,
        secondary={metric.name: float(cell_runs[metric.name].mean()) for metric in secondary},
        defined_share={str(name): float(share) for name, share in shares.mean().items()},
    )


def _curve(
    metric: Metric, levels: Mapping[str, str], steps: Sequence[pd.DataFrame], measurable_from: float
) -> CellCurve:
    """Return the mean over runs of a metric's means by step."""
    means = _measurable(pd.concat(steps), measurable_from).groupby(level="step").mean().sort_index()
    return CellCurve(
        metric,
        levels,
        tuple(map(int, means.index)),
        tuple(map(float, means["mean"])),
        tuple(map(float, means["share"])),
    )


def _steps(sums: pd.DataFrame, metric: str, view: str) -> pd.DataFrame:
    """Return the mean over clips and the share of clips that define it, by step."""
    return _means(sums[(sums["metric"] == metric) & (sums["view"] == view)].set_index("step"))


def _by_view(sums: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over frames and the share of frames that define it, by view and metric."""
    return _means(sums.groupby(["view", "metric"], sort=False)[["total", "defined", "frames"]].sum())


def _means(sums: pd.DataFrame) -> pd.DataFrame:
    defined = sums["defined"].where(sums["defined"] > 0)
    return pd.DataFrame({"mean": sums["total"] / defined, "share": sums["defined"] / sums["frames"]})


def _measurable(means: pd.DataFrame, measurable_from: float) -> pd.DataFrame:
    """Return the means with their shares, NaN where too few frames define the metric."""
    return means.where(means["mean"].notna() & (means["share"] >= measurable_from))
