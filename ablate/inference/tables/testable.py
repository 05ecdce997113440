"""Which factors of a table can be tested, and why the others cannot: a table without any is bad input."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from ablate.core.errors import DataError
from ablate.inference.run_table import RunTable
from ablate.inference.tables.columns import Columns
from ablate.inference.tables.text import brief
from ablate.inference.terms import TermColumns, main_effects

DEPENDENT = 1e-9  # of the largest eigenvalue: columns that the others determine leave rounding errors of about 1e-15


def untestable_factors(file: Path, table: RunTable, columns: Columns) -> tuple[str, ...]:
    """Return a sentence for each factor that these runs cannot test, whatever its effect is.

    A factor can be tested if its levels vary within blocks, and if the main effects of the other factors determine no
    difference between them. Raises DataError if no factor can be tested, or if no run is left to show how much runs
    vary by chance.
    """
    measured = table.with_responses()
    block = _compared_within(measured)
    terms = TermColumns.of(measured, main_effects(measured))
    within = _within(terms.matrix, block)
    rank = _rank(within)
    faults = []
    for position, factor in enumerate(measured.factors):
        places = terms.places.get((position,), slice(0, 0))
        width = places.stop - places.start
        if not width or rank - _rank(np.delete(within, places, axis=1)) < width:
            varies = bool(np.abs(within[:, places]).max(initial=0.0) > DEPENDENT)
            faults.append(f"{factor.path!r} {_fault(measured, position, columns, varies=varies)}")
    advice = "name other factors, or add runs in which they vary alone"
    if len(faults) == len(measured.factors):
        raise DataError(f"{file}: nothing can be tested: {'; '.join(faults)}; {advice}")
    blocks = len(np.unique(block))
    runs = int(measured.defined.sum())
    if runs - blocks - rank < 1:
        counted = (
            f"{rank} contrasts of levels and {blocks} means of blocks" if columns.has_blocks else f"{rank} effects"
        )
        raise DataError(
            f"{file}: nothing can be tested: {runs} runs with {columns.response!r} determine {counted}, and no run is "
            "left to show how much runs vary by chance; add seeds, or name fewer factors"
        )
    return tuple(f"factor {fault}, so it cannot be tested." for fault in faults)


def _compared_within(table: RunTable) -> Int[np.ndarray, " run"]:
    """Return the blocks of the measured runs; one for all runs where no two of them share a block."""
    block = np.unique(table.block[table.defined], return_inverse=True)[1]
    return np.zeros(len(block), int) if block.max(initial=0) + 1 == len(block) else block


def _within(matrix: Float[np.ndarray, "run column"], block: Int[np.ndarray, " run"]) -> Float[np.ndarray, "run column"]:
    """Return the columns minus their means in each block."""
    count = np.bincount(block)
    total = np.zeros((len(count), matrix.shape[1]))
    np.add.at(total, block, matrix)
    centered: np.ndarray = matrix - (total / count[:, np.newaxis])[block]
    return centered


def _rank(matrix: Float[np.ndarray, "run column"]) -> int:
    if not matrix.shape[1]:
        return 0
    eigenvalues = np.linalg.eigvalsh(matrix.T @ matrix)
    return int((eigenvalues > DEPENDENT * max(eigenvalues[-1], 1.0)).sum())


def _fault(table: RunTable, position: int, columns: Columns, *, varies: bool) -> str:
    """Return what is wrong with a factor that cannot be tested."""
    factor = table.factors[position]
    if len(factor.levels) == 1:
        return f"has a response at one level only, {brief(factor.levels[0])!r}"
    if not varies:
        return f"has one level in each block of {columns.block!r}, and runs are compared within a block"
    if copies := [f"{table.factors[copy].path!r}" for copy in _copies(table, position)]:
        return f"has the same levels in the same runs as {' and '.join(copies)}, under the same or other names"
    return "is determined by the other factors"


def _copies(table: RunTable, position: int) -> Iterator[int]:
    """Yield the factors whose levels name the levels of this one, one for one."""
    levels = table.levels[table.defined]
    for second in range(levels.shape[1]):
        pairs = len(np.unique(levels[:, [position, second]], axis=0))
        if second != position and pairs == len(np.unique(levels[:, position])) == len(np.unique(levels[:, second])):
            yield second
