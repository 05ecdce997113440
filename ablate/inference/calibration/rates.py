"""How often something happened in simulated studies, and how well that is known."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from scipy import stats

from ablate.inference.calibration.judge import Judgment

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Rate:
    """A share in [0, 1] of so many, counted in so many studies, and the bounds of its 95 % interval."""

    share: float
    low: float
    high: float
    count: int
    of: int


@dataclass(frozen=True)
class Rates:
    """What came of a scenario's studies; see Judgment. None where nothing could be counted."""

    scenario: str
    studies: int
    false_alarms: Rate | None
    cleared: Rate | None
    found: Rate | None
    coverage: Rate | None
    sign_errors: Rate | None
    undecided: Rate | None


def rates(scenario: str, judgments: Sequence[Judgment]) -> Rates:
    """Count over a scenario's studies."""

    def of_studies(told: Callable[[Judgment], bool | None]) -> Rate | None:
        answers = [answer for judgment in judgments if (answer := told(judgment)) is not None]
        return rate(np.array(answers, int), np.ones(len(answers), int))

    def of_parts(told: Callable[[Judgment], tuple[int, int]]) -> Rate | None:
        counts = np.array([told(judgment) for judgment in judgments], int).reshape(-1, 2)
        return rate(counts[:, 0], counts[:, 1])

    return Rates(
        scenario=scenario,
        studies=len(judgments),
        false_alarms=of_studies(lambda j: j.false_alarm),
        cleared=of_studies(lambda j: j.cleared),
        found=of_studies(lambda j: j.found),
        coverage=of_parts(lambda j: (j.covered, j.intervals)),
        sign_errors=of_parts(lambda j: (j.wrong_sign, j.signed)),
        undecided=of_parts(lambda j: (j.undecided, j.factors)),
    )


def rate(hits: Int[np.ndarray, " study"], of: Int[np.ndarray, " study"]) -> Rate | None:
    """Return the share of hits with its interval (Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404).

    Where a study counts more than once, what it counts hangs together: the interval then takes as many independent
    ones as would give the share the variance it shows between studies (Korn and Graubard 1998, Survey Methodology 24),
    and no more studies than there are where it shows none. None where there is nothing to count.
    """
    count, total = int(hits.sum()), int(of.sum())
    if not total:
        return None
    share = count / total
    independent = total if of.max() == 1 else _independent(hits, of)
    low, high = clopper_pearson(share * independent, independent)
    return Rate(share, low, high, count, total)


def clopper_pearson(hits: float, of: float) -> tuple[float, float]:
    """Return the bounds of the 95 % interval of a share; both counts may be fractions."""
    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if hits <= 0 else float(stats.beta.ppf(tail, hits, of - hits + 1))
    high = 1.0 if hits >= of else float(stats.beta.ppf(1 - tail, hits + 1, of - hits))
    return low, high


def _independent(hits: np.ndarray, of: np.ndarray) -> float:
    """Return how many independent counts the share is worth, from its linearized variance over studies."""
    total, studies = int(of.sum()), int((of > 0).sum())
    share = float(hits.sum()) / total
    variance = float(((hits - share * of) ** 2).sum()) * studies / max(studies - 1, 1) / total**2
    if math.isclose(variance, 0, abs_tol=1e-15):
        return studies
    return min(total, share * (1 - share) / variance)
