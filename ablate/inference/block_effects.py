"""Block effects: removed from the responses, and the noise that is left beside them."""

import numpy as np
from jaxtyping import Float, Int, Shaped

from ablate.inference.run_table import RunTable

ROUNDING = 1e-13  # of the largest response: what the means of equal numbers leave of them
SWEEPS = 20  # alternating means of blocks and of cells; a table without holes needs one


def less_block_effects(table: RunTable) -> Float[np.ndarray, " run"]:
    """Return the responses minus their block's effect, NaN for runs without a response.

    Block effects are those of the additive model of cells and blocks, so a block that lacks good cells does not count
    as a bad block. If every block has all cells, they are the means of the blocks. A table computes them once.
    """
    key = "less block effects"
    if key not in table.derived:
        table.derived[key] = _less_block_effects(table)
    adjusted: np.ndarray = table.derived[key]
    return adjusted


def run_deviation(table: RunTable) -> tuple[float | None, int]:
    """Return the standard deviation of a run about the sum of its cell's and its block's effect.

    Returns its degrees of freedom with it; (None, 0) if there are none, as in a table of one block. It is 0 if only
    rounding varies.
    """
    cell = np.unique(table.cell[table.defined], return_inverse=True)[1]
    block = np.unique(table.block[table.defined], return_inverse=True)[1]
    residual = table.response[table.defined]
    freedom = len(residual) - len(np.unique(cell)) - len(np.unique(block)) + 1
    if freedom < 1:
        return None, 0
    for _ in range(SWEEPS):
        for group in (cell, block):
            residual = residual - (np.bincount(group, residual) / np.bincount(group))[group]
    deviation = float(np.sqrt((residual**2).sum() / freedom))
    return (0.0 if deviation <= ROUNDING * np.abs(table.response[table.defined]).max(initial=0) else deviation), freedom


def within(values: Shaped[np.ndarray, "run ..."], block: Int[np.ndarray, " run"]) -> Float[np.ndarray, "run ..."]:
    """Return the values minus their block's mean: least squares then needs no column for each block."""
    group = np.unique(block, return_inverse=True)[1]
    count = np.bincount(group)
    total = np.zeros((len(count), *values.shape[1:]))
    np.add.at(total, group, values)
    means = total / count.reshape(-1, *[1] * (values.ndim - 1))
    centered: np.ndarray = values - means[group]
    return centered


def _less_block_effects(table: RunTable) -> Float[np.ndarray, " run"]:
    cell, block = table.cell[table.defined], table.block[table.defined]
    response = table.response[table.defined]
    residual = response
    for _ in range(SWEEPS):
        response = response - _group_means(residual, block)
        residual = response - _group_means(response, cell)
    adjusted = np.full(len(table.defined), np.nan)
    adjusted[table.defined] = response
    return adjusted


def _group_means(values: Float[np.ndarray, " run"], group: Int[np.ndarray, " run"]) -> Float[np.ndarray, " run"]:
    means: np.ndarray = np.bincount(group, values)[group] / np.bincount(group)[group]
    return means
