"""Matched sets: the runs of a block that differ in the named factors alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from ablate.inference.run_table import RunTable

ENOUGH = 0.5  # of the runs of the rarest combination; with less, whole sets leave too much of the table unused
CACHED_RUNS = 100_000  # the sets of all pairs in a larger table would take gigabytes


@dataclass(frozen=True, eq=False)
class MatchedSets:
    """Whole sets of runs: one row per set, one axis per named factor, one entry per level.

    Sets with equal `context` have equal levels of all other factors, in different blocks. `dropped` sets have some, but
    not all of their runs with a response. `used` is the share, in [0, 1], of the runs of the rarest combination of the
    named factors' levels that are in whole sets; 0 if a combination does not occur.
    """

    values: Float[np.ndarray, "set ..."]
    context: Int[np.ndarray, " set"]
    block: Int[np.ndarray, " set"]
    dropped: int
    used: float

    @property
    def suffice(self) -> bool:
        """Whether the sets hold enough of the table to represent it."""
        return self.used >= ENOUGH

    def by_block(self) -> "MatchedSets":
        """Return one set per block: the mean of its sets.

        If a block lacks contexts, their effects stay in its mean. Removing them would make the blocks dependent, and
        permuting one of them would no longer be exact.
        """
        blocks, position = np.unique(self.block, return_inverse=True)
        total = np.zeros((len(blocks), *self.values.shape[1:]))
        np.add.at(total, position, self.values)
        count = np.bincount(position).reshape(-1, *[1] * (self.values.ndim - 1))
        return MatchedSets(total / count, np.zeros(len(blocks), int), blocks, self.dropped, self.used)


def matched_sets(table: RunTable, factors: Sequence[int], levels: Sequence[Sequence[int]] | None = None) -> MatchedSets:
    """Return the whole sets of the factors at these positions, with all levels or only the named ones of each factor.

    A table computes each set once.
    """
    every_level = [range(len(table.factors[factor].levels)) for factor in factors]
    chosen = tuple(tuple(positions) for positions in levels or every_level)
    key = ("matched sets", tuple(factors), chosen)
    if key not in table.derived:
        sets = _matched_sets(table, factors, chosen)
        if len(table.block) > CACHED_RUNS:
            return sets
        table.derived[key] = sets
    cached: MatchedSets = table.derived[key]
    return cached


def contexts(table: RunTable, factors: Sequence[int]) -> Int[np.ndarray, " run"]:
    """Return a number for every combination of the other factors' levels."""
    number = np.zeros(len(table.block), int)
    for position, factor in enumerate(table.factors):
        if position not in factors:
            number = number * len(factor.levels) + table.levels[:, position]
    return number


def _matched_sets(table: RunTable, factors: Sequence[int], levels: Sequence[Sequence[int]]) -> MatchedSets:
    shape = tuple(len(positions) for positions in levels)
    entry, chosen = _entries(table, factors, levels)
    context, block = contexts(table, factors)[chosen], table.block[chosen]
    sets, position = np.unique(context * len(table.blocks) + block, return_inverse=True)
    values = np.full((len(sets), int(np.prod(shape))), np.nan)
    values[position, entry] = table.response[chosen]
    whole = np.isfinite(values).all(axis=1)
    return MatchedSets(
        values=values[whole].reshape(-1, *shape),
        context=sets[whole] // len(table.blocks),
        block=sets[whole] % len(table.blocks),
        dropped=int((np.bincount(position, minlength=len(sets))[~whole] > 1).sum()),
        used=_used(values, whole),
    )


def _entries(
    table: RunTable, factors: Sequence[int], levels: Sequence[Sequence[int]]
) -> tuple[Int[np.ndarray, " chosen"], Bool[np.ndarray, " run"]]:
    """Return the entry of each chosen run in its set, and which runs are chosen: those with the named levels."""
    entry = np.zeros(len(table.block), int)
    chosen = np.ones(len(table.block), bool)
    for factor, positions in zip(factors, levels, strict=True):
        place = np.full(len(table.factors[factor].levels), -1)
        place[list(positions)] = range(len(positions))
        at = place[table.levels[:, factor]]
        entry, chosen = entry * len(positions) + at, chosen & (at >= 0)
    return entry[chosen], chosen


def _used(values: Float[np.ndarray, "set entry"], whole: Bool[np.ndarray, " set"]) -> float:
    count = np.isfinite(values).sum(axis=0)
    return float(whole.sum() / count.min()) if len(count) and count.min() > 0 else 0.0
