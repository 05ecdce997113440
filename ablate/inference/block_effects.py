"""Runs as they would be, were all blocks alike."""

import numpy as np
from jaxtyping import Float, Int

from ablate.inference.run_table import RunTable

SWEEPS = 20  # of blocks' and cells' means in turn; a table without holes needs one


def less_block_effects(table: RunTable) -> Float[np.ndarray, " run"]:
    """Return the responses less their block's effect, NaN where a run has none.

    Block effects are those of the additive model of cells and blocks, so that a block that lacks good cells is no bad
    block for it. Where every block has all cells they are the blocks' means.
    """
    own = table.defined
    cell, block = table.cell[own], table.block[own]
    response = table.response[own]
    rest = response
    for _ in range(SWEEPS):
        response = response - _means(rest, block)
        rest = response - _means(response, cell)
    less = np.full(len(own), np.nan)
    less[own] = response
    return less


def within(values: Float[np.ndarray, "run ..."], block: Int[np.ndarray, " run"]) -> Float[np.ndarray, "run ..."]:
    """Return the values less their block's mean, which is what a column for every block does to least squares."""
    group = np.unique(block, return_inverse=True)[1]
    count = np.bincount(group)
    total = np.zeros((len(count), *values.shape[1:]))
    np.add.at(total, group, values)
    means = total / count.reshape(-1, *[1] * (values.ndim - 1))
    less: np.ndarray = values - means[group]
    return less


def _means(values: Float[np.ndarray, " run"], group: np.ndarray) -> Float[np.ndarray, " run"]:
    means: np.ndarray = np.bincount(group, values)[group] / np.bincount(group)[group]
    return means
