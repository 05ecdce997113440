"""What an inference is asked to hold: fixed before the results are seen."""

from dataclasses import dataclass
from typing import Literal

Interval = Literal["student", "studentized", "bca"]
FEWEST_BLOCKS = 2  # with one seed nothing says how much a result varies


@dataclass(frozen=True)
class Settings:
    """How verdicts are reached.

    `alpha` bounds the chance that anything at all is named a cause where nothing is one, and 1 - alpha is the coverage
    of every interval. A factor is no cause where its effects lie within `margin`, in the response's unit; None leaves
    that open. `interactions` are the pairs of factors whose dependence on each other is tested beside the factors
    themselves; None takes every pair. Tests that cannot be enumerated draw `permutations` of the runs, from `seed`.
    """

    alpha: float = 0.05
    margin: float | None = None
    interactions: tuple[tuple[str, str], ...] | None = None
    interval: Interval = "student"
    permutations: int = 9_999
    resamples: int = 2_000
    seed: int = 0
    higher_is_better: bool | None = False
    bounds: tuple[float, float] | None = None
    """The least and the largest value that the response can take; None where it has no such bounds."""
