"""The one number of a run: its scores, averaged."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from ablate.analysis.step_sums import mean
from ablate.analysis.study_table import Measured, Response


def mean_score(sums: pd.DataFrame, measure: str, view: str, first_step: int, last_step: int | None) -> float:
    """Return a measure's mean over all clips and the steps from `first_step` to `last_step` (None: to the end).

    `sums` is from `step_sums`. Both steps count, from 1. Frames where the measure is undefined (NaN) are left out; NaN
    if none is defined.
    """
    return mean(_chosen(sums, measure, view, first_step, last_step))


def undefined_share(sums: pd.DataFrame, measure: str, view: str, first_step: int, last_step: int | None) -> float:
    """Return the share of those frames, in [0, 1], where the measure is undefined; NaN where there are no frames."""
    chosen = _chosen(sums, measure, view, first_step, last_step)
    frames = chosen["frames"].sum()
    return float(1 - chosen["defined"].sum() / frames) if frames else math.nan


def with_responses(
    runs: pd.DataFrame, sums: Mapping[str, pd.DataFrame], response: Response, companions: Sequence[Measured] = ()
) -> pd.DataFrame:
    """Return `runs` with the columns `response`, `undefined_share`, and one for each companion, by its name.

    `sums` is as in StudyTable; a run without them has NaN in all of these. Companions are averaged over the view and
    steps of the response.
    """
    place = response.view, response.first_step, response.last_step
    columns: dict[str, list[float]] = {name: [] for name in ("response", "undefined_share")}
    columns.update({companion.name: [] for companion in companions})
    for point in runs["point"]:
        own = sums.get(point)
        columns["response"].append(math.nan if own is None else mean_score(own, response.measure.name, *place))
        columns["undefined_share"].append(
            math.nan if own is None else undefined_share(own, response.measure.name, *place)
        )
        for companion in companions:
            columns[companion.name].append(math.nan if own is None else mean_score(own, companion.name, *place))
    return runs.assign(**columns)


def _chosen(sums: pd.DataFrame, measure: str, view: str, first_step: int, last_step: int | None) -> pd.DataFrame:
    chosen = (sums["measure"] == measure) & (sums["view"] == view) & (sums["step"] >= first_step)
    if last_step is not None:
        chosen &= sums["step"] <= last_step
    return sums[chosen]
