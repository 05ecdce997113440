"""How much a run varies about its cell and its block."""

import numpy as np

from ablate.inference.run_table import RunTable

SWEEPS = 20  # of the two means in turn; a table without holes needs one


def run_deviation(table: RunTable) -> tuple[float | None, int]:
    """Return the standard deviation of a run about the sum of its cell's and its block's effect, and its freedom.

    None where there are no degrees of freedom, as in a table of one block.
    """
    own = table.defined
    cell = np.unique(table.cell[own], return_inverse=True)[1]
    block = np.unique(table.block[own], return_inverse=True)[1]
    residual = table.response[own]
    freedom = len(residual) - len(np.unique(cell)) - len(np.unique(block)) + 1
    if freedom < 1:
        return None, 0
    for _ in range(SWEEPS):
        for group in (cell, block):
            residual = residual - (np.bincount(group, residual) / np.bincount(group))[group]
    return float(np.sqrt((residual**2).sum() / freedom)), freedom
