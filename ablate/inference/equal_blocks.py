"""Copies that pass for replication: seeds with equal responses, and equal runs of one cell."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace
from math import comb

import numpy as np
from jaxtyping import Bool
from scipy import stats

from ablate.inference.run_table import RunTable

COINCIDENCE = 0.001  # the largest chance of so many equal units at which they are taken for copies

Copies = tuple[tuple[str, ...], ...]
"""Groups of blocks with equal responses, each in the table's order."""


def without_copies(table: RunTable) -> tuple[RunTable, Copies]:
    """Return the table with each group of equal blocks as its first block, and these groups.

    Two blocks are equal if they have the same cells with equal responses. They are copies only where chance explains
    so many equal blocks in fewer than one of 1,000 tables: rounded responses, and responses at a bound, are often
    equal. That chance comes from how often runs of different cells have equal responses.
    """
    keys = _contents(table)
    groups: dict[Hashable, list[int]] = {}
    for block, key in keys.items():
        groups.setdefault(key, []).append(block)
    equal = [blocks for blocks in groups.values() if len(blocks) > 1]
    if not equal or _chance(table, keys, equal) > COINCIDENCE:
        return table, ()
    dropped = {block for blocks in equal for block in blocks[1:]}
    names = tuple(tuple(table.blocks[block] for block in blocks) for blocks in equal)
    return _without_blocks(table, dropped), names


def _contents(table: RunTable) -> dict[int, Hashable]:
    """Return the cells and responses of every block that has a response; equal blocks have equal contents."""
    contents: dict[int, Hashable] = {}
    order = np.lexsort((table.cell, table.block))
    order = order[table.defined[order]]
    starts = np.flatnonzero(np.diff(table.block[order], prepend=-1))
    for runs in np.split(order, starts[1:]) if len(order) else []:
        contents[int(table.block[runs[0]])] = (table.cell[runs].tobytes(), table.response[runs].tobytes())
    return contents


def _chance(table: RunTable, contents: dict[int, Hashable], equal: Sequence[Sequence[int]]) -> float:
    """Return the chance of so many pairs of equal blocks, if equal responses were coincidences."""
    collision = _collision(table)
    sizes = Counter(table.block[table.defined].tolist())
    # blocks can be equal only if they have the same cells
    same_cells = Counter(key[0] for key in contents.values() if isinstance(key, tuple))
    size_of = {key[0]: sizes[block] for block, key in contents.items() if isinstance(key, tuple)}
    expected = sum(comb(count, 2) * collision ** size_of[cells] for cells, count in same_cells.items())
    # copies come in groups: a group of m equal blocks is m - 1 coincidences
    coincidences = sum(len(blocks) - 1 for blocks in equal)
    return float(stats.poisson.sf(coincidences - 1, expected))


def _collision(table: RunTable) -> float:
    """Return the chance that two runs of different cells have equal responses."""
    cell, response = table.cell[table.defined], table.response[table.defined]
    everywhere = _pairs(Counter(response.tolist())), comb(len(response), 2)
    in_cells = _pairs(Counter(zip(cell.tolist(), response.tolist(), strict=True))), _pairs(Counter(cell.tolist()))
    equal, pairs = everywhere[0] - in_cells[0], everywhere[1] - in_cells[1]
    return (equal + 1) / (pairs + 1)


def _pairs(counts: Counter[float] | Counter[int] | Counter[tuple[int, float]]) -> int:
    return sum(comb(count, 2) for count in counts.values())


def _without_blocks(table: RunTable, dropped: set[int]) -> RunTable:
    chosen: Bool[np.ndarray, " run"] = ~np.isin(table.block, sorted(dropped))
    kept_blocks = [block for block in range(len(table.blocks)) if block not in dropped]
    place = np.full(len(table.blocks), -1)
    place[kept_blocks] = range(len(kept_blocks))
    smaller = table.only(chosen)
    return replace(smaller, blocks=tuple(table.blocks[block] for block in kept_blocks), block=place[smaller.block])
