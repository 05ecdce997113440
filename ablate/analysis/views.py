"""What each way of looking at the trained nets makes of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ablate.analysis.study_table import Measured


@dataclass(frozen=True)
class ViewMeans:
    """One view, and the mean of each measure over its clips and steps, then over all runs that have it.

    A frame where a measure is undefined (NaN) is left out of its mean; a measure without any is NaN.
    """

    view: str
    means: Mapping[str, float]


def views(sums: Mapping[str, pd.DataFrame], metrics: Sequence[Measured]) -> tuple[ViewMeans, ...]:
    """Return every view that was scored, in order of first appearance; `sums` as in StudyTable.

    Runs count alike, whatever their number of defined frames. Views of one study share their nets, so two rows differ
    by the way of looking alone.
    """
    names = [metric.name for metric in metrics]
    means = [_means(run) for run in sums.values()]
    if not means:
        return ()
    mean = pd.concat(means).groupby(level=["view", "metric"], sort=False).mean()
    order = dict.fromkeys(mean.index.get_level_values("view"))
    return tuple(ViewMeans(view, {name: float(mean.get((view, name), math.nan)) for name in names}) for view in order)


def _means(sums: pd.DataFrame) -> pd.Series:
    added = sums.groupby(["view", "metric"], sort=False)[["total", "defined"]].sum()
    return added["total"] / added["defined"].where(added["defined"] > 0)
