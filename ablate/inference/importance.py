"""How much of the variance between cells each factor accounts for: exact Shapley shares."""

from collections.abc import Sequence
from math import prod

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from ablate.core.seeds import derive
from ablate.inference.block_effects import less_block_effects
from ablate.inference.inference import Importance
from ablate.inference.matched import contexts, matched_sets
from ablate.inference.resampling import FEWEST_BLOCKS, resamples, share_interval
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings
from ablate.inference.shapley import shapley

MOST_FACTORS = 12  # every factor more doubles the coalitions
DRAWN = 500  # resamples, and as many shuffles
CHANCE = 0.95
ROUNDING = 1e-10  # of the largest response: a standard deviation that is rounding alone

Grid = Float[np.ndarray, "cell block"]


def importance(table: RunTable, settings: InferenceSettings) -> tuple[Importance, ...]:
    """Return every factor's Shapley share of the variance between cells; the shares add up to 1.

    A set of factors is worth the variance over the measured cells of the mean of the cells with equal levels of these
    factors; each cell counts alike, with its mean over blocks once block effects are removed. A factor's share is what
    it adds to the worth of those before it, averaged over all orders of the factors: an interaction is shared by those
    who make it (Shapley effects: Owen 2014, doi:10.1137/130936233; Song, Nelson & Staum 2016, doi:10.1137/15M1048070).

    Noise varies between cells too and has its part in the shares, the more the fewer blocks there are, and more of it
    falls to factors with many levels. `null_high` is what falls to a factor that does nothing: runs of a block that
    differ in it alone swap their responses at random, and the 95 % quantile of the factor's variance is set against the
    measured variance between cells, at most all of it. In a fraction, where few runs differ in one factor alone, all
    runs of a block swap, which draws the band too wide beside strong factors. The interval,
    at 1 - alpha, is for the share that so many blocks give on average, from resampled blocks; None below three blocks.
    Nothing is returned above 12 factors, and where the cells do not differ.
    """
    if not 1 <= len(table.factors) <= MOST_FACTORS or not table.defined.any():
        return ()
    cells, grid = _grid(table)
    if not _differ(grid, table.response):
        return ()
    value = _values(cells, *_means(grid, np.ones((grid.shape[1], 1))))
    share = _shares(value)[:, 0]
    null = [_null(table, position, cells, settings) / value.sum() for position in range(len(share))]
    found = zip(table.factors, share, _bounds(cells, grid, share, settings), null, strict=True)
    return tuple(
        Importance(factor.path, float(own), low, high, min(1.0, float(band)))
        for factor, own, (low, high), band in found
    )


def _grid(table: RunTable) -> tuple[Int[np.ndarray, "cell factor"], Grid]:
    """Return the measured cells, and their responses without block effects, NaN where a block has none."""
    own = table.defined
    cells, cell = np.unique(table.levels[own], axis=0, return_inverse=True)
    blocks, block = np.unique(table.block[own], return_inverse=True)
    grid = np.full((len(cells), len(blocks)), np.nan)
    grid[cell.reshape(-1), block] = less_block_effects(table)[own]
    return cells, grid


def _differ(grid: Grid, response: np.ndarray) -> bool:
    return bool(len(grid) > 1 and np.nanmean(grid, axis=1).std() > ROUNDING * np.nanmax(np.abs(response)))


def _means(
    grid: Grid, weights: Float[np.ndarray, "block draw"]
) -> tuple[Float[np.ndarray, "cell draw"], Float[np.ndarray, "cell draw"]]:
    """Return the cells' weighted means over blocks, and for how many cells each counts.

    A cell whose blocks have no weight is 0 and counts for none, all others count for one.
    """
    measured = np.isfinite(grid)
    count = measured @ weights
    total = np.where(measured, grid, 0) @ weights
    return total / np.maximum(count, 1), 1.0 * (count > 0)


def _bounds(
    cells: np.ndarray, grid: Grid, share: Float[np.ndarray, " factor"], settings: InferenceSettings
) -> Sequence[tuple[float, float] | tuple[None, None]]:
    blocks = grid.shape[1]
    if blocks < FEWEST_BLOCKS:
        return [(None, None)] * len(share)
    drawn = _shares(_values(cells, *_means(grid, resamples(blocks, DRAWN, settings))))
    return share_interval(share, drawn, blocks, settings.alpha)


def _null(table: RunTable, position: int, cells: Int[np.ndarray, "cell factor"], settings: InferenceSettings) -> float:
    """Return the variance between cells that rarely more than falls to this factor where it does nothing."""
    own = table.defined
    alike = contexts(table, [position]) if matched_sets(table, [position]).suffice else np.zeros(len(own), int)
    group = (alike * len(table.blocks) + table.block)[own]
    shuffled = _within_groups(less_block_effects(table)[own], group, settings)
    cell = np.unique(table.cell[own], return_inverse=True)[1]
    mean = sparse.csr_array((1 / np.bincount(cell)[cell], (cell, np.arange(len(cell))))) @ shuffled
    return float(np.quantile(_values(cells, mean, np.ones((len(cells), 1)))[position], CHANCE))


def _within_groups(
    values: Float[np.ndarray, " run"], group: Int[np.ndarray, " run"], settings: InferenceSettings
) -> Float[np.ndarray, "run draw"]:
    """Return the values dealt anew to the runs of each group, so many times."""
    generator = np.random.default_rng(derive(settings.seed, "randomization"))
    place = np.argsort(group, kind="stable")
    rank = np.unique(group[place], return_inverse=True)[1]
    dealt = np.empty((len(values), DRAWN))
    for draw in range(DRAWN):
        dealt[place, draw] = values[place][np.argsort(rank + generator.random(len(values)))]
    return dealt


def _shares(value: Float[np.ndarray, "factor draw"]) -> Float[np.ndarray, "factor draw"]:
    whole = value.sum(axis=0)
    share: np.ndarray = np.divide(value, whole, out=np.zeros_like(value), where=whole > 0)
    return share


def _values(
    cells: Int[np.ndarray, "cell factor"], means: Float[np.ndarray, "cell draw"], count: Float[np.ndarray, "cell draw"]
) -> Float[np.ndarray, "factor draw"]:
    """Return the variance between cells that falls to every factor."""
    return shapley(_worth(cells, means, count))


def _worth(cells: np.ndarray, total: np.ndarray, count: np.ndarray) -> Float[np.ndarray, "coalition draw"]:
    """Return the variance between groups of cells with equal levels of a coalition's factors, for every coalition.

    Groups are merged one factor at a time, in ascending order, which meets every coalition once.
    """
    factors = cells.shape[1]
    sizes = cells.max(axis=0) + 1
    steps = [prod(sizes[:factor].tolist()) for factor in range(factors)]
    squares = np.empty((2**factors, total.shape[1]))
    waiting = [(2**factors - 1, 0, cells @ np.array(steps), total, count)]
    while waiting:
        coalition, following, code, total, count = waiting.pop()
        squares[coalition] = (total**2 / np.maximum(count, 1)).sum(axis=0)
        for factor in range(following, factors):
            rest = code - code // steps[factor] % sizes[factor] * steps[factor]
            order = np.argsort(rest, kind="stable")
            groups, first = np.unique(rest[order], return_index=True)
            merged = (np.add.reduceat(values[order], first) for values in (total, count))
            waiting.append((coalition ^ 1 << factor, factor + 1, groups, *merged))
    worth: np.ndarray = (squares - squares[0]) / count.sum(axis=0)
    return worth
