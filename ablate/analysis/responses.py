"""The table of runs, with the response and the secondary metrics of each run."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from ablate.analysis.study_table import Measured, Response
from ablate.measurement.run_mean import mean_score, undefined_share


def with_responses(
    runs: pd.DataFrame, sums: Mapping[str, pd.DataFrame], response: Response, secondary: Sequence[Measured] = ()
) -> pd.DataFrame:
    """Return `runs` with the columns `response`, `undefined_share`, and one for each companion, by its name.

    `sums` is as in StudyTable; a run without them has NaN in all of these. Companions are averaged over the view and
    steps of the response.
    """
    place = response.view, response.first_step, response.last_step
    columns: dict[str, list[float]] = {name: [] for name in ("response", "undefined_share")}
    columns.update({metric.name: [] for metric in secondary})
    for run_id in runs["run_id"]:
        own = sums.get(run_id)
        columns["response"].append(math.nan if own is None else mean_score(own, response.metric.name, *place))
        columns["undefined_share"].append(
            math.nan if own is None else undefined_share(own, response.metric.name, *place)
        )
        for metric in secondary:
            columns[metric.name].append(math.nan if own is None else mean_score(own, metric.name, *place))
    return runs.assign(**columns)
