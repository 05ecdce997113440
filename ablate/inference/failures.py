"""Runs without a response are an outcome of their own: who they are, and whether they depend on a factor."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from math import prod

import numpy as np

from ablate.inference.inference import FailedRun, FailureRate, MissingCell
from ablate.inference.linear_model import LinearModel
from ablate.inference.matched import matched_sets
from ablate.inference.monte_carlo import Draws
from ablate.inference.permutation import omnibus_p
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings

UNDEFINED = "undefined"  # the run ended well, and yet there is nothing to measure
ENDED_WELL = ("finished", "")  # MLflow writes it in capitals


def failed_runs(table: RunTable) -> tuple[FailedRun, ...]:
    """Return the runs without a response, in the table's order; `undefined` where nothing says that they ended ill."""
    outcome = table.outcome or (UNDEFINED,) * len(table.response)
    return tuple(
        FailedRun(
            levels=_names(table, table.levels[run]),
            block=table.blocks[table.block[run]],
            outcome=UNDEFINED if outcome[run].lower() in ENDED_WELL else outcome[run],
        )
        for run in np.flatnonzero(~table.defined)
    )


def failure_rates(table: RunTable, settings: InferenceSettings) -> tuple[FailureRate, ...]:
    """Return the share of runs without a response at every level, for every factor; none where all runs have one.

    `p` is that of a randomization test of no dependence on the level: failures are dealt anew within matched sets of
    runs (for two levels McNemar's test), or where there are too few such sets, shuffled within blocks as residuals of
    all main effects. None where the runs do not tell the factor from others. It is not adjusted for the number of
    factors.
    """
    if table.defined.all():
        return ()
    failed = replace(table, response=1.0 - table.defined)
    draws = Draws(settings.permutations, settings.seed)
    return tuple(
        FailureRate(factor.path, _rates(failed, position), _p(failed, position, draws))
        for position, factor in enumerate(table.factors)
    )


def missing_cells(table: RunTable) -> tuple[MissingCell, ...]:
    """Return the combinations of levels that lack a response in some block, and these blocks.

    Combinations of the table's rows, and where half of all combinations were measured at the least, all others too.
    """
    found = dict(_responses(table))
    measured = sum(has.any() for has in found.values())
    counts = [len(factor.levels) for factor in table.factors]
    if table.factors and 2 * measured >= prod(counts):
        found = {cell: np.zeros(len(table.blocks), bool) for cell in product(*map(range, counts))} | found
    return tuple(
        MissingCell(_names(table, cell), tuple(np.array(table.blocks)[~has].tolist()))
        for cell, has in sorted(found.items(), key=lambda item: item[0])
        if not has.all()
    )


def _responses(table: RunTable) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """Yield every combination of the table's rows with the blocks in which it has a response."""
    has = np.zeros((table.cell.max(initial=-1) + 1, len(table.blocks)), bool)
    has[table.cell[table.defined], table.block[table.defined]] = True
    first = np.unique(table.cell, return_index=True)[1]
    for cell, blocks in zip(table.levels[first], has, strict=True):
        yield tuple(cell.tolist()), blocks


def _names(table: RunTable, levels: np.ndarray | tuple[int, ...]) -> Mapping[str, str]:
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
    if sets.suffice:
        return omnibus_p(sets, draws)
    model = LinearModel.of(failed, ())
    term = model.term(factor)
    return model.p(term, draws) if model.freedom > 0 and model.estimable(term) else None
