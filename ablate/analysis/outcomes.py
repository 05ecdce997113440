"""What became of the planned runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Outcomes:
    """How many runs were planned and how each ended; `undefined` of the finished ones have no defined response.

    `failed_attempts` counts attempts, by kind: one run may have failed several times before it finished.
    """

    planned: int
    finished: int
    diverged: int
    failed: int
    missing: int
    undefined: int
    failed_attempts: Mapping[str, int]

    @property
    def attempts_in_words(self) -> str:
        """Return a sentence on failed attempts by kind; empty where there is none."""
        told = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(self.failed_attempts.items()))
        return f"Failed attempts, those made good by another with the same seed included: {told}." if told else ""


@dataclass(frozen=True)
class WithoutResponse:
    """A run that gave no response: what it was, how it ended, and what it said if it failed."""

    run_id: str
    levels: Mapping[str, str]
    seed: int
    outcome: str
    message: str


def outcomes(runs: pd.DataFrame, failed_attempts: Mapping[str, int]) -> Outcomes:
    """Count the runs; `runs` has the columns of `with_responses`."""
    how = runs["outcome"]
    finished = how == "finished"
    return Outcomes(
        planned=len(runs),
        finished=int(finished.sum()),
        diverged=int((how == "diverged").sum()),
        failed=int((how == "failed").sum()),
        missing=int((how == "missing").sum()),
        undefined=int((finished & runs["response"].isna()).sum()),
        failed_attempts=failed_attempts,
    )


def without_response(runs: pd.DataFrame, factors: Sequence[str]) -> tuple[WithoutResponse, ...]:
    """Return every run that diverged, failed, or finished with an undefined response, in the order of the design."""
    chosen = runs[runs["response"].isna() & (runs["outcome"] != "missing")]
    return tuple(
        WithoutResponse(
            run_id=str(row["run_id"]),
            levels={path: str(row[path]) for path in factors},
            seed=int(row["seed"]),
            outcome="undefined" if row["outcome"] == "finished" else str(row["outcome"]),
            message=str(row["message"] or ""),
        )
        for _, row in chosen.iterrows()
    )
