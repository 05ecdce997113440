"""What an analysis is made from, as plain values: the runs of a study, their scores, and what is known of both."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from ablate.core.errors import TableError
from ablate.inference.factor_levels import FactorLevels

RunOutcome = Literal["finished", "diverged", "failed", "missing"]
RUN_COLUMNS = ["run_id", "seed", "outcome", "message"]


@dataclass(frozen=True)
class Measured:
    """A measure as people read it. `higher_is_better` is None where neither direction is better in itself."""

    name: str
    title: str
    unit: str
    higher_is_better: bool | None


@dataclass(frozen=True)
class Response:
    """The one number a run that the study is about: a measure's mean over clips and the given steps of a view."""

    metric: Measured
    view: str
    first_step: int
    last_step: int


@dataclass(frozen=True)
class StudyTable:
    """The results of a study, finished or not.

    `runs` has one row for every planned run: a column for each factor's path, holding the name of its
    level, and RUN_COLUMNS. `message` says why a failed run has no result and is empty for all others. Where the
    columns are there, `best_offset` and `copies` say how the forecast lies in time (see scoring's Alignment), and
    `batch_pieces` into how many parts each batch was cut to fit in memory.
    `sums` holds, by point and for finished runs only, the run's scores summed over its clips, from `step_sums`.
    `secondary` are the measures reported beside the response. `deviations` say in whole sentences what was changed
    after the plan was frozen. `failed_attempts` counts, by kind, every attempt without a result, those that were made
    good by another included.

    Raises TableError where a column is missing or a point occurs twice.
    """

    question: str
    exploratory: bool
    factors: tuple[FactorLevels, ...]
    response: Response
    runs: pd.DataFrame
    sums: Mapping[str, pd.DataFrame] = field(repr=False)
    secondary: tuple[Measured, ...] = ()
    deviations: tuple[str, ...] = ()
    failed_attempts: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        needed = [*RUN_COLUMNS, *(factor.path for factor in self.factors)]
        if absent := [column for column in needed if column not in self.runs.columns]:
            raise TableError(f"the table of runs lacks the columns {absent}; it needs {needed}")
        if self.runs["run_id"].duplicated().any():
            raise TableError("the table of runs has a point twice; give every planned run one row")
