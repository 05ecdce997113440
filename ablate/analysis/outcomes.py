"""How the planned runs ended, and which of them are the best and the worst."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ablate.analysis.unmeasurable import DIVERGED, FINISHED, UNMEASURABLE
from ablate.measurement.metrics import Metric

SQUARED_ERROR = "mse"


@dataclass(frozen=True)
class Outcomes:
    """How many runs were planned, and how each ended: every run is counted once.

    `finished` runs have a response. `unmeasurable` ones came to their end too, but their metric is defined in too few
    frames. `excluded` runs were left out by a user, whatever they ended with.

    `failed_attempts` counts attempts by kind: one run may have failed several times before it finished.
    """

    planned: int
    finished: int
    diverged: int
    failed: int
    missing: int
    unmeasurable: int
    failed_attempts: Mapping[str, int]
    excluded: int = 0
    older: tuple[str, ...] = ()
    """Folders of stored runs of an older version, which use a field that this version no longer has."""
    not_needed: int = 0
    """Planned runs of seeds after which a sequential study was decided."""

    @property
    def older_sentence(self) -> str:
        """A sentence on the stored runs that are of an older version; empty if there is none."""
        count = len(self.older)
        runs = "1 stored run is" if count == 1 else f"{count} stored runs are"
        return f"{runs} of an older version and not counted: {', '.join(self.older)}." if count else ""

    @property
    def failed_attempts_sentence(self) -> str:
        """A sentence on the failed attempts by kind; empty if there is none."""
        counts = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(self.failed_attempts.items()))
        return f"Failed attempts, including those of runs that finished after a retry: {counts}." if counts else ""


@dataclass(frozen=True)
class RunWithoutResponse:
    """A run without a response in the analysis: its levels and seed, how it ended, and why it has none."""

    run_id: str
    levels: Mapping[str, str]
    seed: int
    outcome: str
    message: str


@dataclass(frozen=True)
class RunResult:
    """One run: its levels and seed, its response with the share of frames behind it, and its secondary metrics."""

    run_id: str
    levels: Mapping[str, str]
    seed: int
    response: float
    secondary: Mapping[str, float]
    defined_share: float = 1.0


def outcomes(runs: pd.DataFrame, failed_attempts: Mapping[str, int], older: tuple[str, ...] = ()) -> Outcomes:
    """Count the runs by outcome; `runs` has the columns of `with_responses`."""
    outcome = runs["outcome"]
    return Outcomes(
        planned=len(runs),
        finished=int((outcome == FINISHED).sum()),
        diverged=int((outcome == DIVERGED).sum()),
        failed=int((outcome == "failed").sum()),
        missing=int((outcome == "missing").sum()),
        unmeasurable=int((outcome == UNMEASURABLE).sum()),
        failed_attempts=failed_attempts,
        excluded=int((outcome == "excluded").sum()),
        older=older,
    )


def without_response(runs: pd.DataFrame, factors: Sequence[str]) -> tuple[RunWithoutResponse, ...]:
    """Return every run that diverged, failed, was excluded, or is unmeasurable, in the order of the design."""
    ended = runs[runs["response"].isna() & (runs["outcome"] != "missing")]
    return tuple(
        RunWithoutResponse(
            run_id=str(row["run_id"]),
            levels={path: str(row[path]) for path in factors},
            seed=int(row["seed"]),
            outcome=str(row["outcome"]),
            message=str(row["message"] or ""),
        )
        for _, row in ended.iterrows()
    )


def best_and_worst(
    runs: pd.DataFrame, factors: Sequence[str], metric: Metric, secondary: Sequence[Metric]
) -> tuple[RunResult | None, RunResult | None]:
    """Return the runs with the best and the worst response; a single one is both, None if no run has a response.

    If the squared error is a secondary metric, the best run is one of the half with the smaller squared error: a
    blank or gray forecast has no ghost either. If neither direction of the metric is better, the lowest response counts
    as the best. A run that is unmeasurable is neither, whatever its few defined frames show.
    """
    defined = runs[runs["response"].notna()].sort_values("response", kind="stable")
    if defined.empty:
        return None, None
    sharp = (
        defined[~(defined[SQUARED_ERROR] > defined[SQUARED_ERROR].median())] if SQUARED_ERROR in defined else defined
    )
    best, worst = (-1, 0) if metric.higher_is_better else (0, -1)
    return _run_result(sharp.iloc[best], factors, secondary), _run_result(defined.iloc[worst], factors, secondary)


def _run_result(row: pd.Series, factors: Sequence[str], secondary: Sequence[Metric]) -> RunResult:
    return RunResult(
        run_id=str(row["run_id"]),
        levels={path: str(row[path]) for path in factors},
        seed=int(row["seed"]),
        response=float(row["response"]),
        secondary={metric.name: float(row[metric.name]) for metric in secondary},
        defined_share=1 - float(row.get("undefined_share", 0.0)),
    )
