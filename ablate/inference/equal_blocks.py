"""Copies that pass for replication: seeds with equal responses, and equal runs of one cell."""

from dataclasses import replace
from math import comb

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse, stats

from ablate.inference.run_table import RunTable

COINCIDENCE = 0.001  # the largest chance of so many equal units at which they are taken for copies
# Of the range of all responses. Graphics processors add in another order at each run, and differ by 1e-7 of a response.
EQUAL = 1e-6
# Of pairs of runs of different cells: with more equal ones, responses have few values, and seeds are often equal.
MOST_COLLISIONS = 0.1
COMPARED_NUMBERS = 50_000_000  # of pairs of blocks x cells; a larger table is not searched for copies

Copies = tuple[tuple[str, ...], ...]
"""Groups of blocks with equal responses, each in the table's order."""


def without_copies(table: RunTable) -> tuple[RunTable, Copies]:
    """Return the table with each group of equal blocks as one block, named as its first, and these groups.

    Two blocks are equal if their responses agree, but for rounding, in every cell that both have. They are copies only
    where chance explains so many equal blocks in fewer than one of 1,000 tables. That chance comes from how often runs
    of different cells have equal responses; where these are often equal, as for responses of 0 and 1, no blocks are
    taken for copies.
    """
    collision = _collision(table)
    if collision > MOST_COLLISIONS:
        return table, ()
    runs_are_blocks = table.measured_blocks == int(table.defined.sum())
    first, second, shared = _equal_runs(table) if runs_are_blocks else _equal_blocks(table)
    if not len(first):
        return table, ()
    links = sparse.coo_array((np.ones(len(first)), (first, second)), shape=(len(table.blocks), len(table.blocks)))
    count, group = sparse.csgraph.connected_components(links, directed=False)
    coincidences = len(table.blocks) - count
    expected = float((collision**shared).sum()) if len(shared) else 0.0
    if float(stats.poisson.sf(coincidences - 1, expected)) > COINCIDENCE:
        return table, ()
    names = tuple(
        tuple(np.array(table.blocks)[group == place].tolist())
        for place in np.flatnonzero(np.bincount(group, minlength=count) > 1)
    )
    return _merged(table, group), names


def _tolerance(table: RunTable) -> float:
    responses = table.response[table.defined]
    return EQUAL * float(np.ptp(responses / 2)) * 2 if len(responses) else 0.0


def _equal_blocks(
    table: RunTable,
) -> tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"], Int[np.ndarray, " any_pair"]]:
    """Return the pairs of equal blocks, and the number of shared cells of every pair that could be equal."""
    cells, blocks = int(table.cell.max(initial=-1)) + 1, len(table.blocks)
    if blocks * blocks * cells > COMPARED_NUMBERS:
        return np.empty(0, int), np.empty(0, int), np.empty(0, int)
    values = np.full((blocks, cells), np.nan)
    values[table.block, table.cell] = table.response
    measured, tolerance = np.isfinite(values), _tolerance(table)
    pairs, shared_cells = [], []
    for block in range(blocks - 1):
        both = measured[block + 1 :] & measured[block]
        shared = both.sum(axis=1)
        apart = np.abs(values[block + 1 :] / 2 - values[block] / 2) * 2 > tolerance
        equal = (shared > 0) & ~(apart & both).any(axis=1)
        pairs += [(block, block + 1 + int(place)) for place in np.flatnonzero(equal)]
        shared_cells.append(shared[shared > 0])
    first, second = np.array(pairs, int).reshape(-1, 2).T
    return first, second, np.concatenate(shared_cells) if shared_cells else np.empty(0, int)


def _equal_runs(
    table: RunTable,
) -> tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"], Int[np.ndarray, " any_pair"]]:
    """Return the pairs of equal runs where every run is a block; the third array has a 1 for every pair of one cell."""
    runs = np.flatnonzero(table.defined)
    order = runs[np.lexsort((table.response[runs], table.cell[runs]))]
    near = np.diff(table.response[order]) <= _tolerance(table)
    equal = np.flatnonzero(near & (np.diff(table.cell[order]) == 0))
    same_cell = sum(comb(int(count), 2) for count in np.bincount(table.cell[runs]))
    return table.block[order[equal]], table.block[order[equal + 1]], np.ones(same_cell, int)


def _collision(table: RunTable) -> float:
    """Return the chance that two runs of different cells have equal responses."""
    cell, response = table.cell[table.defined], table.response[table.defined] / 2
    if not len(response) or not np.ptp(response):
        return 1.0
    tolerance = _tolerance(table) / 2
    apart = 4 * (float(np.ptp(response)) + tolerance)  # so far that runs of different cells are never equal
    everywhere = _near_pairs(response, tolerance), comb(len(response), 2)
    in_cells = (
        _near_pairs(response - response.min() + cell * apart, tolerance) if np.isfinite(apart) else 0,
        sum(comb(int(count), 2) for count in np.bincount(cell)),
    )
    return float((everywhere[0] - in_cells[0] + 1) / (everywhere[1] - in_cells[1] + 1))


def _near_pairs(values: Float[np.ndarray, " run"], tolerance: float) -> int:
    """Return the number of pairs of values that are at most the tolerance apart."""
    rising = np.sort(values)
    ends = np.searchsorted(rising, rising + tolerance, side="right")
    return int((ends - np.arange(len(rising)) - 1).sum())


def _merged(table: RunTable, group: Int[np.ndarray, " block"]) -> RunTable:
    """Return the table with one block for each group: of runs of one cell, the first with a response."""
    first = np.unique(group, return_index=True)[1]
    places = np.argsort(np.argsort(first))  # groups in the order of their first blocks
    block = places[group[table.block]]
    order = np.lexsort((np.arange(len(block)), ~table.defined, table.cell, block))
    is_first = np.ones(len(order), bool)
    is_first[1:] = (np.diff(block[order]) != 0) | (np.diff(table.cell[order]) != 0)
    chosen: Bool[np.ndarray, " run"] = np.zeros(len(block), bool)
    chosen[order[is_first]] = True
    names = tuple(table.blocks[position] for position in np.sort(first))
    return replace(table.only(chosen), blocks=names, block=block[chosen])
