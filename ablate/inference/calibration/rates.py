"""Rates over simulated studies, with their confidence intervals, as numbers and as words."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from scipy import stats

from ablate.inference.calibration.judge import Judgment

CONFIDENCE = 0.95
COLUMNS = {
    "false_alarms": "false alarm",
    "cleared": "wrongly cleared",
    "detected": "detected",
    "coverage": "covered",
    "sign_errors": "wrong sign",
    "undecided": "undecided",
}
"""The rates in the order of a table's columns, with their headings."""
HEADINGS = {
    "false_mains": "false factor",
    "false_pairs": "false pair",
    "false_alarms": "false factor or pair",
    "false_causes": 'false "cause"',
    "detected": "detected",
    "cleared": "wrongly cleared",
    "coverage": "covered",
    "intervals_shown": "intervals shown",
    "open_direction": "cause, direction open",
    "sign_errors": "wrong sign",
    "undecided": "undecided",
    "refused": "refused",
}
"""The headings of all rates."""
MEANINGS = (
    "Each cell: share, and below it the 95 % confidence interval (Clopper and Pearson).",
    "false alarm: studies in which a factor or pair without an effect got a verdict that claims one.",
    "wrongly cleared: studies in which a factor with an effect as large as the margin was called not a cause.",
    "detected: studies in which the planted cause was called a cause, or the planted pair to act only with each other.",
    "covered: confidence intervals that contain the true effect.",
    "wrong sign: significant effects whose sign is not that of the true effect.",
    "undecided: factors that are undecided.",
    "A criterion is violated only if the whole confidence interval violates it.",
)


@dataclass(frozen=True)
class Rate:
    """A share in [0, 1], the bounds of its 95 % confidence interval, and its two counts: `count` hits `of` all."""

    share: float
    low: float
    high: float
    count: int
    of: int


@dataclass(frozen=True)
class Rates:
    """The rates of one scenario; see Judgment for what they count. None if there was nothing to count.

    `mean_seeds` is the mean number of seeds that the studies used.
    """

    scenario: str
    studies: int
    false_alarms: Rate | None
    cleared: Rate | None
    detected: Rate | None
    coverage: Rate | None
    sign_errors: Rate | None
    undecided: Rate | None
    false_mains: Rate | None = None
    false_pairs: Rate | None = None
    false_causes: Rate | None = None
    intervals_shown: Rate | None = None
    open_direction: Rate | None = None
    refused: Rate | None = None
    mean_seeds: float | None = None


def rates(scenario: str, judgments: Sequence[Judgment]) -> Rates:
    """Return the rates over the studies of a scenario."""

    def of_studies(outcome: Callable[[Judgment], bool | None]) -> Rate | None:
        outcomes = [happened for judgment in judgments if (happened := outcome(judgment)) is not None]
        return rate(np.array(outcomes, int), np.ones(len(outcomes), int))

    def of_parts(counts_of: Callable[[Judgment], tuple[int, int]]) -> Rate | None:
        counts = np.array([counts_of(judgment) for judgment in judgments], int).reshape(-1, 2)
        return rate(counts[:, 0], counts[:, 1])

    return Rates(
        scenario=scenario,
        studies=len(judgments),
        false_alarms=of_studies(lambda j: j.false_alarm),
        cleared=of_studies(lambda j: j.cleared),
        detected=of_studies(lambda j: j.detected),
        coverage=of_parts(lambda j: (j.covered, j.intervals)),
        sign_errors=of_parts(lambda j: (j.wrong_sign, j.signed)),
        undecided=of_parts(lambda j: (j.undecided, j.factors)),
        false_mains=of_studies(lambda j: j.false_main),
        false_pairs=of_studies(lambda j: j.false_pair),
        false_causes=of_studies(lambda j: j.false_cause),
        intervals_shown=of_parts(lambda j: (j.with_interval, j.effects)),
        open_direction=of_parts(lambda j: (j.open_direction, j.claims)),
        refused=of_studies(lambda j: j.refused),
        mean_seeds=float(np.mean([j.seeds for j in judgments])) if judgments else None,
    )


def rate(hits: Int[np.ndarray, " study"], of: Int[np.ndarray, " study"]) -> Rate | None:
    """Return the share of `hits` in `of` with its 95 % interval (Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404).

    If a study counts more than once, its counts depend on each other. The interval then uses the number of independent
    counts that gives the observed variance between studies (Korn & Graubard 1998, Survey Methodology 24); if there is
    no variance, the number of studies. None if there is nothing to count.
    """
    count, total = int(hits.sum()), int(of.sum())
    if not total:
        return None
    share = count / total
    independent = float(total) if of.max() == 1 else _independent(hits, of)
    low, high = clopper_pearson(share * independent, independent)
    return Rate(share, low, high, count, total)


def clopper_pearson(hits: float, of: float) -> tuple[float, float]:
    """Return the bounds, in [0, 1], of the 95 % interval of a share; both counts may be fractions."""
    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if hits <= 0 else float(stats.beta.ppf(tail, hits, of - hits + 1))
    high = 1.0 if hits >= of else float(stats.beta.ppf(1 - tail, hits + 1, of - hits))
    return low, high


def _independent(hits: Int[np.ndarray, " study"], of: Int[np.ndarray, " study"]) -> float:
    """Return the effective number of independent counts, from the linearized variance of the share over studies."""
    total, studies = int(of.sum()), int((of > 0).sum())
    share = float(hits.sum()) / total
    variance = float(((hits - share * of) ** 2).sum()) * studies / max(studies - 1, 1) / total**2
    if math.isclose(variance, 0, abs_tol=1e-15):
        return float(studies)
    return min(float(total), share * (1 - share) / variance)


def columns(rates: Rates) -> list[Rate | None]:
    """Return the rates of a scenario in the order of COLUMNS."""
    return [getattr(rates, name) for name in COLUMNS]


def rate_words(rate: Rate | None) -> tuple[str, str]:
    """Return a share in percent and its confidence interval; a dash if there was nothing to count."""
    if rate is None:
        return "-", ""
    return f"{100 * rate.share:.1f} %", f"{100 * rate.low:.1f}-{100 * rate.high:.1f}"
