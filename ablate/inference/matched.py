"""Matched sets: the runs of a block that differ in the named factors alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ablate.inference.run_table import RunTable

ENOUGH = 0.5  # of the runs of the rarest combination; else whole sets leave too much of the table unused


@dataclass(frozen=True, eq=False)
class MatchedSets:
    """Whole sets of runs: a row a set, an axis a named factor, an entry for each of its levels.

    Sets with equal `context` have equal levels of all other factors, in different blocks. `dropped` sets have some of
    their runs, but not all of them with a response. `used` is the share of the runs of the rarest combination of the
    named factors' levels that lie in whole sets, 0 where a combination does not occur.
    """

    values: Float[np.ndarray, "set ..."]
    context: Int[np.ndarray, " set"]
    block: Int[np.ndarray, " set"]
    dropped: int
    used: float

    @property
    def suffice(self) -> bool:
        """Whether the sets hold enough of the table to stand for it."""
        return self.used >= ENOUGH

    def by_block(self) -> "MatchedSets":
        """Return one set a block: the mean of its sets as they are.

        Where a block lacks contexts their effects stay in its mean. Taking them out would tie the blocks together, and
        relabeling one of them would be exact no more.
        """
        blocks, position = np.unique(self.block, return_inverse=True)
        total = np.zeros((len(blocks), *self.values.shape[1:]))
        np.add.at(total, position, self.values)
        count = np.bincount(position).reshape(-1, *[1] * (self.values.ndim - 1))
        return MatchedSets(total / count, np.zeros(len(blocks), int), blocks, self.dropped, self.used)

    def of_levels(self, *levels: int) -> "MatchedSets":
        """Return the sets with the named levels of their one factor alone."""
        return MatchedSets(self.values[:, list(levels)], self.context, self.block, self.dropped, self.used)


def matched_sets(table: RunTable, factors: Sequence[int], levels: Sequence[Sequence[int]] | None = None) -> MatchedSets:
    """Return the whole sets of the factors at these positions; `levels` keeps the named ones of each factor only."""
    chosen = levels or [range(len(table.factors[factor].levels)) for factor in factors]
    shape = tuple(len(own) for own in chosen)
    place, kept = _places(table, factors, chosen)
    context, block = contexts(table, factors)[kept], table.block[kept]
    sets, position = np.unique(context * len(table.blocks) + block, return_inverse=True)
    values = np.full((len(sets), int(np.prod(shape))), np.nan)
    values[position, place] = table.response[kept]
    whole = np.isfinite(values).all(axis=1)
    return MatchedSets(
        values=values[whole].reshape(-1, *shape),
        context=sets[whole] // len(table.blocks),
        block=sets[whole] % len(table.blocks),
        dropped=int((np.bincount(position, minlength=len(sets))[~whole] > 1).sum()),
        used=_used(values, whole),
    )


def _places(table: RunTable, factors: Sequence[int], chosen: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return where in its set each kept run goes, and which runs are kept."""
    place = np.zeros(len(table.block), int)
    kept = np.ones(len(table.block), bool)
    for factor, own in zip(factors, chosen, strict=True):
        position = np.full(len(table.factors[factor].levels), -1)
        position[list(own)] = range(len(own))
        at = position[table.levels[:, factor]]
        place, kept = place * len(own) + at, kept & (at >= 0)
    return place[kept], kept


def contexts(table: RunTable, factors: Sequence[int]) -> Int[np.ndarray, " run"]:
    """Return a number for every combination of the other factors' levels."""
    number = np.zeros(len(table.block), int)
    for position, factor in enumerate(table.factors):
        if position not in factors:
            number = number * len(factor.levels) + table.levels[:, position]
    return number


def _used(values: np.ndarray, whole: np.ndarray) -> float:
    count = np.isfinite(values).sum(axis=0)
    return float(whole.sum() / count.min()) if len(count) and count.min() > 0 else 0.0
