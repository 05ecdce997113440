"""Runs that were lost: by their response or by the machine; and how far losses by response could move an effect.

A run that diverged, or whose response is not defined, was lost because of what its response would have been. Such
losses can make an effect, so its trimming bounds stand beside its estimate (Lee 2009,
doi:10.1111/j.1467-937X.2009.00536.x). A crash, a timeout or a full memory says nothing about the response: these losses
are missing at random, and are only counted.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import stats

from ablate.inference.factor_levels import Contrast
from ablate.inference.matched import ENOUGH, contexts
from ablate.inference.run_table import RunTable
from ablate.inference.terms import TermColumns, main_effects

BY_RESPONSE = frozenset({"diverged", "unmeasurable", "undefined", "nan", "inf", "infinite", "pruned"})
"""Words of an outcome that tell of the response. A pruner of Optuna stops a trial because its values are poor."""
BY_MACHINE = frozenset(
    {
        *("fail", "failed", "failure", "crash", "crashed", "error", "exception", "oom", "memory"),
        *("timeout", "timed", "killed", "canceled", "cancelled", "aborted", "interrupted", "stopped", "terminated"),
        *("preempted", "lost", "abandoned", "withdrawn", "superseded", "excluded", "missing"),
        *("running", "waiting", "pending", "queued", "scheduled", "created", "starting", "submitted", "paused"),
        *("abort", "kill", "failing", "errored", "timedout", "evicted", "preempting", "suspended", "skipped"),
        *("canceling", "cancelling", "incomplete", "unfinished", "node"),
    }
)
"""Words of an outcome that tell of the machine or of its user. MLflow, Optuna, W&B, Ray and Slurm write them."""
MOST_GROUPS = 60  # left out one at a time; more change the standard error by less than its own noise
ROUNDING = 1e-9  # of a weight: orthogonal polynomials give some levels a weight that is 0 only up to rounding
FEWEST_GROUPS = 2  # one seed alone does not show how much bounds vary


@dataclass(frozen=True)
class Bounds:
    """Trimming bounds of a contrast, in the response's unit.

    `lower` and `upper` bound the effect among the runs that would have a response at every level of the contrast, if
    a change of level only takes responses away, or only adds them. `low` and `high` bound the confidence interval of
    both. `lost` has the share of runs lost by their response, in [0, 1], of every level of the contrast.
    `trimmed` has the share of the responses that was trimmed away, for the levels where any was.
    """

    factor: str
    contrast: str
    lower: float
    upper: float
    low: float
    high: float
    lost: Mapping[str, float]
    trimmed: Mapping[str, float]

    @property
    def include_zero(self) -> bool:
        """Whether the losses alone could have made the effect: the interval of the bounds includes 0."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True)
class LostRuns:
    """The numbers of lost runs by outcome, of each kind of loss."""

    by_response: Mapping[str, int]
    by_machine: Mapping[str, int]


def is_lost_by_response(outcome: str) -> bool:
    """Return whether a run without a response was lost because of its response, by the words of its outcome.

    Words of the machine make a loss by the machine, unless one tells of the response as well ("failed: nan loss"). All
    other outcomes, such as "finished" or none, leave only the response as the reason.
    """
    words = set(re.findall(r"[a-z]+", outcome.lower()))
    return bool(words & BY_RESPONSE) or not words & BY_MACHINE


def lost_runs(table: RunTable) -> LostRuns:
    """Count the runs without a response by outcome; one without an outcome counts as unmeasurable."""
    outcomes = [outcome for outcome, defined in zip(_outcomes(table), table.defined, strict=True) if not defined]
    counts = Counter(outcome or "unmeasurable" for outcome in outcomes)
    return LostRuns(
        by_response={outcome: count for outcome, count in counts.items() if is_lost_by_response(outcome)},
        by_machine={outcome: count for outcome, count in counts.items() if not is_lost_by_response(outcome)},
    )


def trimming_bounds(table: RunTable, position: int, contrast: Contrast, alpha: float = 0.05) -> Bounds | None:
    """Return the trimming bounds of a contrast of the factor at this position, with their interval.

    The interval covers both bounds with 1 - alpha (Horowitz & Manski 2000, doi:10.1080/01621459.2000.10473902): each
    bound minus or plus Student's t times its standard error. That of Imbens & Manski (2004) is narrower, and covers
    the effect alone; with it the losses at one level would use up the error rate of the whole family.
    None where the levels of the contrast have lost equal shares of their runs by response, so that nothing is trimmed.
    Runs that the machine lost take no part. Block effects and the main effects of the other factors are removed first:
    they are the same at all levels of the contrast, and without them the bounds are narrower. Every level is then
    trimmed to the share of responses at the emptiest one. The bounds are infinite if a level has no response at all.
    """
    in_contrast = _compared(table, position, contrast)
    level, defined = table.levels[in_contrast, position], table.defined[in_contrast]
    names = contrast.factor.levels
    shares = {at: float(defined[level == at].mean()) for at in _weighted(contrast) if (level == at).any()}
    if not shares or min(shares.values()) == max(shares.values()):
        return None
    emptiest = min(shares.values())
    lost = {names[at]: 1 - share for at, share in shares.items()}
    trimmed = {names[at]: 1 - emptiest / share for at, share in shares.items() if share > emptiest}
    infinite = Bounds(contrast.factor.path, contrast.name, -np.inf, np.inf, -np.inf, np.inf, lost, trimmed)
    if emptiest == 0 or len(shares) < len(_weighted(contrast)):
        return infinite
    values = _adjusted(table, position)[in_contrast]
    estimates = _trimmed_contrast(values, level, contrast.weights)
    groups = _groups(table)[in_contrast]
    errors, freedom = _jackknife_errors(values, level, contrast.weights, groups)
    reach = float(stats.t.ppf(1 - alpha / 2, freedom))
    return Bounds(
        factor=contrast.factor.path,
        contrast=contrast.name,
        lower=estimates[0],
        upper=estimates[1],
        low=estimates[0] - reach * errors[0],
        high=estimates[1] + reach * errors[1],
        lost=lost,
        trimmed=trimmed,
    )


def _weighted(contrast: Contrast) -> list[int]:
    """Return the positions of the levels that a contrast compares."""
    return [int(position) for position in np.flatnonzero(np.abs(contrast.weights) > ROUNDING)]


def _compared(table: RunTable, position: int, contrast: Contrast) -> Bool[np.ndarray, " run"]:
    """Return the runs whose losses a contrast compares: all at its levels but those that the machine lost.

    Where most of them have the same other levels as a run at every level of the contrast, only these are compared: one
    factor at a time, the runs of the other factors all lie at one level.
    """
    at_risk = table.defined | np.array([is_lost_by_response(outcome) for outcome in _outcomes(table)], bool)
    level, context = table.levels[:, position], contexts(table, (position,))
    weighted = _weighted(contrast)
    in_contrast: Bool[np.ndarray, " run"] = at_risk & np.isin(level, weighted)
    shared = in_contrast.copy()
    for at in weighted:
        shared &= np.isin(context, context[in_contrast & (level == at)])
    fewest_shared, fewest = (
        min(int((chosen & (level == at)).sum()) for at in weighted) for chosen in (shared, in_contrast)
    )
    return shared if fewest_shared >= ENOUGH * max(fewest, 1) else in_contrast


def _outcomes(table: RunTable) -> tuple[str, ...]:
    return table.outcome or ("",) * len(table.response)


def _adjusted(table: RunTable, position: int) -> Float[np.ndarray, " run"]:
    """Return the responses minus block effects and the other factors' main effects; NaN for runs without one."""
    block = table.block[table.defined]
    blocks = np.eye(len(table.blocks))[block] if _share_blocks(table) else np.ones((len(block), 1))
    terms = TermColumns.of(table, main_effects(table))
    columns = np.column_stack([blocks, terms.matrix])
    response = table.response[table.defined]
    center = response.mean()
    coefficients = np.linalg.lstsq(columns, response - center, rcond=None)[0]
    removed = np.ones(len(coefficients), bool)
    if (position,) in terms.places:
        place = terms.places[position,]
        removed[blocks.shape[1] + place.start : blocks.shape[1] + place.stop] = False
    adjusted = np.full(len(table.response), np.nan)
    adjusted[table.defined] = response - columns[:, removed] @ coefficients[removed]
    return adjusted


def _share_blocks(table: RunTable) -> bool:
    """Return whether runs share blocks: a block of one run has no effect that could be told from its run."""
    return len(table.block) > len(np.unique(table.block)) > 1


def _groups(table: RunTable) -> Int[np.ndarray, " run"]:
    """Return the group of every run that is left out at once: its block, or itself where no block is shared."""
    unit = table.block if _share_blocks(table) else np.arange(len(table.block))
    group: np.ndarray = np.unique(unit, return_inverse=True)[1] % MOST_GROUPS
    return group


def _trimmed_contrast(
    values: Float[np.ndarray, " run"], level: Int[np.ndarray, " run"], weights: Float[np.ndarray, " level"]
) -> tuple[float, float]:
    """Return the contrast of the levels' means with each level trimmed so that it is least, and so that it is most."""
    counts = {at: len(values[level == at]) for at in np.flatnonzero(np.abs(weights) > ROUNDING)}
    responses = {at: np.sort(values[(level == at) & np.isfinite(values)]) for at in counts}
    if not all(len(responses[at]) for at in counts):
        return -np.inf, np.inf
    emptiest = min(len(responses[at]) / counts[at] for at in counts)
    lower = upper = 0.0
    for at, ascending in responses.items():
        remaining = emptiest * counts[at]  # of the responses, not rounded, so that the bounds move smoothly
        least, most = _mean_of_first(ascending, remaining), _mean_of_first(ascending[::-1], remaining)
        lower += weights[at] * (least if weights[at] > 0 else most)
        upper += weights[at] * (most if weights[at] > 0 else least)
    return float(lower), float(upper)


def _mean_of_first(values: Float[np.ndarray, " run"], count: float) -> float:
    """Return the mean of the first `count` values; of the last of them, the fraction of it."""
    weight = np.clip(count - np.arange(len(values)), 0, 1)
    return float(weight @ values / weight.sum())


def _jackknife_errors(
    values: Float[np.ndarray, " run"],
    level: Int[np.ndarray, " run"],
    weights: Float[np.ndarray, " level"],
    groups: Int[np.ndarray, " run"],
) -> tuple[tuple[float, float], int]:
    """Return the standard errors of both bounds, by leaving out one group at a time, and their degrees of freedom.

    Whole seeds are left out, so that effects that differ by seed are part of the error. The jackknife is right for
    trimmed means (Efron 1982, The Jackknife, the Bootstrap and Other Resampling Plans, chapter 3).
    """
    present = np.unique(groups)
    if len(present) < FEWEST_GROUPS:
        return (np.inf, np.inf), 1

    def without(group: int) -> tuple[float, float]:
        chosen: Bool[np.ndarray, " run"] = groups != group
        return _trimmed_contrast(values[chosen], level[chosen], weights)

    left = np.array([without(group) for group in present])
    if not np.isfinite(left).all():
        return (np.inf, np.inf), len(present) - 1
    squares = ((left - left.mean(axis=0)) ** 2).sum(axis=0) * (len(present) - 1) / len(present)
    lower, upper = np.sqrt(squares).tolist()
    return (lower, upper), len(present) - 1
