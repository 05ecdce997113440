"""What a cell of the design gave: its mean response, and how it runs over the forecast steps."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ablate.analysis.study_table import Measured


@dataclass(frozen=True)
class Cell:
    """A combination of levels, and the mean, least and largest response over its seeds.

    `defined` of the `planned` runs have a response; where none has, the three are NaN. `secondary` holds the means
    of the measures beside it.
    """

    levels: Mapping[str, str]
    planned: int
    defined: int
    mean: float
    least: float
    largest: float
    secondary: Mapping[str, float]


@dataclass(frozen=True)
class Curve:
    """A measure over the forecast steps of a cell: mean over clips, then over seeds; NaN where it is undefined."""

    metric: Measured
    levels: Mapping[str, str]
    steps: tuple[int, ...]
    values: tuple[float, ...]


def cells(runs: pd.DataFrame, factors: Sequence[str], secondary: Sequence[Measured]) -> tuple[Cell, ...]:
    """Return every cell in the order of the design; `runs` has the columns of `with_responses`."""
    return tuple(_cell(levels, own, secondary) for levels, own in by_cell(runs, factors))


def curves(
    runs: pd.DataFrame,
    sums: Mapping[str, pd.DataFrame],
    factors: Sequence[str],
    metrics: Sequence[Measured],
    view: str,
) -> tuple[Curve, ...]:
    """Return the curve of every measure and every cell with scores, in the order of both; `sums` as in StudyTable."""
    found = []
    for metric in metrics:
        for levels, own in by_cell(runs, factors):
            steps = [_steps(sums[run_id], metric.name, view) for run_id in own["run_id"] if run_id in sums]
            if steps:
                over_seeds = pd.concat(steps, axis=1).mean(axis=1).sort_index()
                found.append(Curve(metric, levels, tuple(map(int, over_seeds.index)), tuple(map(float, over_seeds))))
    return tuple(found)


def by_cell(runs: pd.DataFrame, factors: Sequence[str]) -> Iterator[tuple[Mapping[str, str], pd.DataFrame]]:
    """Yield every combination of levels with its runs, in order of first appearance."""
    if not factors:
        yield {}, runs
        return
    for levels, own in runs.groupby(list(factors), sort=False):
        yield dict(zip(factors, map(str, levels), strict=True)), own


def _cell(levels: Mapping[str, str], own: pd.DataFrame, secondary: Sequence[Measured]) -> Cell:
    response = own["response"]
    return Cell(
        levels=levels,
        planned=len(own),
        defined=int(response.notna().sum()),
        mean=float(response.mean()),
        least=float(response.min()) if response.notna().any() else math.nan,
        largest=float(response.max()) if response.notna().any() else math.nan,
        secondary={metric.name: float(own[metric.name].mean()) for metric in secondary},
    )


def _steps(sums: pd.DataFrame, metric: str, view: str) -> pd.Series:
    chosen = sums[(sums["metric"] == metric) & (sums["view"] == view)].set_index("step")
    return chosen["total"] / chosen["defined"].where(chosen["defined"] > 0)
