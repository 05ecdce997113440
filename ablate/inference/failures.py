"""Runs without a response: which they are, and whether their share depends on the levels of a factor."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from math import prod

import numpy as np
from jaxtyping import Bool, Int

from ablate.inference.inference import FailedRun, FailureRate, MissingCell
from ablate.inference.matched import matched_sets
from ablate.inference.permutation import Draws, omnibus_p
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings

UNMEASURABLE = "unmeasurable"  # the run finished, but its response is not defined
FINISHED = ("finished", "")  # MLflow writes it in capitals


def failed_runs(table: RunTable) -> tuple[FailedRun, ...]:
    """Return the runs without a response, in the table's order; `unmeasurable` if nothing says that they failed."""
    outcome = table.outcome or (UNMEASURABLE,) * len(table.response)
    return tuple(
        FailedRun(
            levels=_names(table, table.levels[run]),
            block=table.blocks[table.block[run]],
            outcome=UNMEASURABLE if outcome[run].lower() in FINISHED else outcome[run],
        )
        for run in np.flatnonzero(~table.defined)
    )


def failure_rates(table: RunTable, settings: InferenceSettings) -> tuple[FailureRate, ...]:
    """Return the share of runs without a response at every level, for every factor; nothing if all runs have one.

    `p` is that of a permutation test of no dependence on the level: failures are permuted within matched sets of runs
    (for two levels McNemar's test). None with too few such sets. It is not adjusted for the number of factors.
    """
    if table.defined.all():
        return ()
    failed = replace(table, response=1.0 - table.defined)
    draws = Draws(settings.draws, settings.seed)
    return tuple(
        FailureRate(factor.path, _rates(failed, position), _p(failed, position, draws))
        for position, factor in enumerate(table.factors)
    )


def missing_cells(table: RunTable) -> tuple[MissingCell, ...]:
    """Return the cells that lack a response in some block, and these blocks.

    These are cells of the table's rows; if at least half of all possible cells were measured, all other cells too.
    """
    measured = dict(_measured_blocks(table))
    counts = [len(factor.levels) for factor in table.factors]
    if table.factors and 2 * sum(blocks.any() for blocks in measured.values()) >= prod(counts):
        measured = {cell: np.zeros(len(table.blocks), bool) for cell in product(*map(range, counts))} | measured
    return tuple(
        MissingCell(_names(table, cell), tuple(np.array(table.blocks)[~blocks].tolist()))
        for cell, blocks in sorted(measured.items(), key=lambda item: item[0])
        if not blocks.all()
    )


def _measured_blocks(table: RunTable) -> Iterator[tuple[tuple[int, ...], Bool[np.ndarray, " block"]]]:
    """Yield every cell of the table's rows with the blocks in which it has a response."""
    has = np.zeros((table.cell.max(initial=-1) + 1, len(table.blocks)), bool)
    has[table.cell[table.defined], table.block[table.defined]] = True
    first = np.unique(table.cell, return_index=True)[1]
    for cell, blocks in zip(table.levels[first], has, strict=True):
        yield tuple(cell.tolist()), blocks


def _names(table: RunTable, levels: Int[np.ndarray, " factor"] | tuple[int, ...]) -> Mapping[str, str]:
    return {factor.path: factor.levels[level] for factor, level in zip(table.factors, levels, strict=True)}


def _rates(failed: RunTable, factor: int) -> Mapping[str, float]:
    level = failed.levels[:, factor]
    return {
        name: float(failed.response[level == position].mean())
        for position, name in enumerate(failed.factors[factor].levels)
        if (level == position).any()
    }


def _p(failed: RunTable, factor: int, draws: Draws) -> float | None:
    if len(failed.factors[factor].levels) == 1:
        return None
    sets = matched_sets(failed, (factor,))
    return omnibus_p(sets, draws) if sets.suffice else None
