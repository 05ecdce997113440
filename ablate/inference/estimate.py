"""A contrast in the response's unit, and how far it may be off."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ablate.inference.inference import Unit
from ablate.inference.matched import MatchedSets


@dataclass(frozen=True, eq=False)
class Estimate:
    """A value, its standard error with its degrees of freedom (None where nothing tells it), and what it rests on.

    `by_block` is the estimate of every block of the table, NaN where a block has none of its own. `blocks` and `runs`
    count what it rests on; `dropped` matched sets lack a run. `above` is the share of matched pairs in which the
    contrast is above 0, ties counting half; None for a contrast of more than two levels.
    """

    value: float
    error: float | None
    freedom: int
    by_block: Float[np.ndarray, " block"]
    blocks: int
    runs: int
    dropped: int
    above: float | None


def from_sets(sets: MatchedSets, weights: Float[np.ndarray, " level"], unit: Unit, blocks: int) -> Estimate | None:
    """Return the contrast of matched sets of one factor; None where no set is whole.

    Every context counts alike, and contexts are taken as they are: an effect that differs between them is no error.
    What varies is a context's contrast from block to block. With unit `block` its mean over contexts is what varies,
    n - 1 degrees of freedom; with unit `run` each context varies for itself. In a lone block only the contexts are left
    to vary.
    """
    if not len(sets.values):
        return None
    signed = sets.values @ weights
    context = np.unique(sets.context, return_inverse=True)[1]
    count = np.bincount(context)
    means = np.bincount(context, signed) / count
    residual = signed - means[context]
    value = float(means.mean())
    by_block = _by_block(residual, sets.block, blocks) + value
    error, freedom = spread_of_blocks(by_block) if unit == "block" else _error_of_runs(residual, count, means)
    positive = (signed > 0).mean() + (signed == 0).mean() / 2
    return Estimate(
        value=value,
        error=error,
        freedom=freedom,
        by_block=by_block,
        blocks=int(np.isfinite(by_block).sum()),
        runs=int(np.count_nonzero(weights)) * len(signed),
        dropped=sets.dropped,
        above=float(positive) if np.count_nonzero(weights) == 2 else None,  # noqa: PLR2004  # a pair
    )


def _by_block(residual: np.ndarray, block: np.ndarray, blocks: int) -> Float[np.ndarray, " block"]:
    count = np.bincount(block, minlength=blocks)
    total = np.bincount(block, residual, blocks)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def spread_of_blocks(by_block: Float[np.ndarray, " block"]) -> tuple[float | None, int]:
    """Return the standard error of the mean over blocks and its degrees of freedom; (None, 0) below two blocks."""
    own = by_block[np.isfinite(by_block)]
    return (float(own.std(ddof=1) / np.sqrt(len(own))), len(own) - 1) if len(own) > 1 else (None, 0)


def _error_of_runs(residual: np.ndarray, count: np.ndarray, means: np.ndarray) -> tuple[float | None, int]:
    freedom = len(residual) - len(count)
    if freedom:
        variance = float((residual**2).sum()) / freedom
        return float(np.sqrt(variance * (1 / count).sum())) / len(count), freedom
    if len(means) > 1:
        return float(means.std(ddof=1) / np.sqrt(len(means))), len(means) - 1
    return None, 0
