"""The best and the worst run of a study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ablate.analysis.study_table import Measured

ERROR = "mse"


@dataclass(frozen=True)
class RunAt:
    """One run: its point, what it was, its response, and the measures beside it."""

    run_id: str
    levels: Mapping[str, str]
    seed: int
    response: float
    secondary: Mapping[str, float]


def best_and_worst(
    runs: pd.DataFrame, factors: Sequence[str], metric: Measured, secondary: Sequence[Measured]
) -> tuple[RunAt | None, RunAt | None]:
    """Return the runs with the best and the worst defined response; a lone one is both, None where no run finished.

    The best is sought among the half of the runs with the smaller squared error, where that is a companion: a
    forecast that went blank or gray has no ghost either. Where neither direction is better, the lowest passes
    for the best. Where no response is defined, the first finished run stands for all, so that it can be looked at.
    """
    defined = runs[runs["response"].notna()].sort_values("response", kind="stable")
    if defined.empty:
        defined = runs[runs["outcome"] == "finished"].head(1)
    if defined.empty:
        return None, None
    sound = defined[~(defined[ERROR] > defined[ERROR].median())] if ERROR in defined else defined
    best, worst = (-1, 0) if metric.higher_is_better else (0, -1)
    return _run_at(sound.iloc[best], factors, secondary), _run_at(defined.iloc[worst], factors, secondary)


def _run_at(row: pd.Series, factors: Sequence[str], secondary: Sequence[Measured]) -> RunAt:
    return RunAt(
        run_id=str(row["run_id"]),
        levels={path: str(row[path]) for path in factors},
        seed=int(row["seed"]),
        response=float(row["response"]),
        secondary={metric.name: float(row[metric.name]) for metric in secondary},
    )
