"""How the variance of the responses is shared: by factor (Shapley shares), and by kind of term (sums of squares)."""

from collections.abc import Sequence
from math import comb, prod

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse, stats

from ablate.core.seeds import derive
from ablate.design.model_matrix import all_pairs, model_matrix, parameters
from ablate.inference.block_effects import less_block_effects, within
from ablate.inference.inference import Importance, Variance
from ablate.inference.matched import contexts, matched_sets
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings

MOST_FACTORS = 12  # each further factor doubles the coalitions
DRAWN = 500  # resamples, and as many permutations
CHANCE = 0.95
FEWEST_RESAMPLED = 3  # blocks; fewer have too few different resamples
ROUNDING = 1e-10  # of the largest response: a smaller standard deviation is only rounding
TINY = 1e-9  # relative to a matrix's largest entry: a column that is a combination of earlier ones

Grid = Float[np.ndarray, "cell block"]
PerFactor = Float[np.ndarray, "factor draw"]


def importance(table: RunTable, settings: InferenceSettings) -> tuple[Importance, ...]:
    """Return every factor's Shapley share of the variance between cells; the shares are in [0, 1] and add up to 1.

    The worth of a set of factors is the variance, over the measured cells, of the mean of the cells that have equal
    levels of these factors. Each cell has the same weight, and its value is its mean over blocks without block effects.
    A factor's share is what it adds to the worth of the factors before it, averaged over all orders of the factors, so
    that the factors of an interaction share it (Shapley effects: Owen 2014, doi:10.1137/130936233; Song, Nelson & Staum
    2016, doi:10.1137/15M1048070).

    Noise between cells contributes to the shares: the more, the fewer blocks there are, and more for factors with many
    levels. `null_high` is the share of a factor without an effect: runs of a block that differ in this factor alone
    exchange their responses at random, and the 95 % quantile of the factor's variance is divided by the measured
    variance between cells, at most 1. In a fraction, where few runs differ in one factor alone, all runs of a block
    exchange responses, which makes the band too wide if there are strong factors.

    The confidence interval, at 1 - alpha, is for the expected share with this number of blocks, from resampled blocks;
    None below three blocks. Returns nothing above 12 factors, and if the cells do not differ.
    """
    if not 1 <= len(table.factors) <= MOST_FACTORS or not table.defined.any():
        return ()
    cells, grid = _grid(table)
    if not _cells_differ(grid, table.response):
        return ()
    values = _values(cells, *_cell_means(grid, np.ones((grid.shape[1], 1))))
    shares = _shares(values)[:, 0]
    bands = [_null_value(table, position, cells, settings) / values.sum() for position in range(len(shares))]
    intervals = _intervals(cells, grid, shares, settings)
    return tuple(
        Importance(factor.path, float(share), low, high, min(1.0, float(band)))
        for factor, share, (low, high), band in zip(table.factors, shares, intervals, bands, strict=True)
    )


def variance(table: RunTable) -> Variance | None:
    """Return the shares of seeds, main effects and two-factor interactions in the total sum of squares.

    The sums of squares are sequential: blocks, then all factors, then all pairs of factors, each after the ones before
    (type I; Kirk 2013, Experimental Design, chapter 8). In a complete crossing the order makes no difference. None if
    the responses do not differ.
    """
    response = table.response[table.defined]
    if not len(response) or response.std() <= ROUNDING * np.abs(response).max():
        return None
    total = float(((response - response.mean()) ** 2).sum())
    within_blocks = within(response, table.block[table.defined])
    seed = 1 - float((within_blocks**2).sum()) / total
    factors, interactions = (squares / total for squares in _sums_of_squares(within_blocks, _terms(table)))
    return Variance(factors, interactions, seed, max(0.0, 1 - seed - factors - interactions))


def shapley(worth: Float[np.ndarray, "coalition game"]) -> Float[np.ndarray, "player game"]:
    """Return the Shapley value of every player (Shapley 1953, doi:10.1515/9781400881970-018).

    Row c of `worth` is the worth of the players whose bits are set in c; d players have 2^d coalitions. The values add
    up to the worth of all players minus that of none.
    """
    coalition = np.arange(len(worth))
    players = len(worth).bit_length() - 1
    size = np.array([members.bit_count() for members in range(len(worth))])
    weight = np.array([1 / (players * comb(players - 1, before)) for before in range(players)])
    values = np.empty((players, worth.shape[1]))
    for player in range(players):
        without = coalition[(coalition >> player) & 1 == 0]
        values[player] = weight[size[without]] @ (worth[without | 1 << player] - worth[without])
    return values


def _grid(table: RunTable) -> tuple[Int[np.ndarray, "cell factor"], Grid]:
    """Return the measured cells, and their responses without block effects, NaN for blocks without a response."""
    defined = table.defined
    cells, cell = np.unique(table.levels[defined], axis=0, return_inverse=True)
    blocks, block = np.unique(table.block[defined], return_inverse=True)
    grid = np.full((len(cells), len(blocks)), np.nan)
    grid[cell.reshape(-1), block] = less_block_effects(table)[defined]
    return cells, grid


def _cells_differ(grid: Grid, response: Float[np.ndarray, " run"]) -> bool:
    return bool(len(grid) > 1 and np.nanmean(grid, axis=1).std() > ROUNDING * np.nanmax(np.abs(response)))


def _cell_means(
    grid: Grid, weights: Float[np.ndarray, "block draw"]
) -> tuple[Float[np.ndarray, "cell draw"], Float[np.ndarray, "cell draw"]]:
    """Return the cells' weighted means over blocks, and the number of cells that each stands for, 1 or 0.

    A cell whose blocks have no weight has mean 0 and number 0.
    """
    measured = np.isfinite(grid)
    count = measured @ weights
    total = np.where(measured, grid, 0) @ weights
    return total / np.maximum(count, 1), 1.0 * (count > 0)


def _intervals(
    cells: Int[np.ndarray, "cell factor"], grid: Grid, shares: Float[np.ndarray, " factor"], settings: InferenceSettings
) -> Sequence[tuple[float, float] | tuple[None, None]]:
    """Return the confidence interval of each share, at 1 - alpha, within [0, 1].

    A resample has more noise than the blocks that it is drawn from, so the resampled shares are centered on the share.
    They are widened from a normal interval to Student's t (Hesterberg 2015, doi:10.1080/00031305.2015.1089789).
    """
    blocks = grid.shape[1]
    if blocks < FEWEST_RESAMPLED:
        return [(None, None)] * len(shares)
    generator = np.random.default_rng(derive(settings.seed, "bootstrap"))
    times_drawn = 1.0 * generator.multinomial(blocks, np.full(blocks, 1 / blocks), DRAWN).T
    resampled = _shares(_values(cells, *_cell_means(grid, times_drawn)))
    tail = settings.alpha / 2
    narrow = np.sqrt((blocks - 1) / blocks) * stats.norm.ppf(tail) / stats.t.ppf(tail, blocks - 1)
    deviations = (resampled - resampled.mean(axis=1, keepdims=True)) / narrow
    bounds = (shares + np.quantile(deviations, [tail, 1 - tail], axis=1)).clip(0, 1)
    return [(float(low), float(high)) for low, high in bounds.T]


def _null_value(
    table: RunTable, position: int, cells: Int[np.ndarray, "cell factor"], settings: InferenceSettings
) -> float:
    """Return the 95 % quantile of the variance between cells that a factor without an effect gets."""
    defined = table.defined
    sets_suffice = matched_sets(table, [position]).suffice
    context = contexts(table, [position]) if sets_suffice else np.zeros(len(defined), int)
    group = (context * len(table.blocks) + table.block)[defined]
    permuted = _permuted_within(less_block_effects(table)[defined], group, settings)
    cell = np.unique(table.cell[defined], return_inverse=True)[1]
    mean = sparse.csr_array((1 / np.bincount(cell)[cell], (cell, np.arange(len(cell))))) @ permuted
    return float(np.quantile(_values(cells, mean, np.ones((len(cells), 1)))[position], CHANCE))


def _permuted_within(
    values: Float[np.ndarray, " run"], group: Int[np.ndarray, " run"], settings: InferenceSettings
) -> Float[np.ndarray, "run draw"]:
    """Return random permutations of the values within each group, one per column."""
    generator = np.random.default_rng(derive(settings.seed, "randomization"))
    place = np.argsort(group, kind="stable")
    rank = np.unique(group[place], return_inverse=True)[1]
    permuted = np.empty((len(values), DRAWN))
    for draw in range(DRAWN):
        permuted[place, draw] = values[place][np.argsort(rank + generator.random(len(values)))]
    return permuted


def _shares(values: PerFactor) -> PerFactor:
    total = values.sum(axis=0)
    share: np.ndarray = np.divide(values, total, out=np.zeros_like(values), where=total > 0)
    return share


def _values(
    cells: Int[np.ndarray, "cell factor"],
    means: Float[np.ndarray, "cell draw"],
    count: Float[np.ndarray, "cell _"],
) -> PerFactor:
    """Return the part of the variance between cells that every factor gets."""
    return shapley(_worth(cells, means, count))


def _worth(
    cells: Int[np.ndarray, "cell factor"], total: Float[np.ndarray, "cell draw"], count: Float[np.ndarray, "cell _"]
) -> Float[np.ndarray, "coalition draw"]:
    """Return, for every coalition of factors, the variance between groups of cells with equal levels of its factors.

    Groups are merged one factor at a time, in ascending order, so that every coalition is reached once.
    """
    factors = cells.shape[1]
    sizes = cells.max(axis=0) + 1
    steps = [prod(sizes[:factor].tolist()) for factor in range(factors)]
    squares = np.empty((2**factors, total.shape[1]))
    cell_count = count.sum(axis=0)
    waiting = [(2**factors - 1, 0, cells @ np.array(steps), total, count)]
    while waiting:
        coalition, following, code, total, count = waiting.pop()
        squares[coalition] = (total**2 / np.maximum(count, 1)).sum(axis=0)
        for factor in range(following, factors):
            merged_code = code - code // steps[factor] % sizes[factor] * steps[factor]
            order = np.argsort(merged_code, kind="stable")
            groups, first = np.unique(merged_code[order], return_index=True)
            merged = (np.add.reduceat(values[order], first) for values in (total, count))
            waiting.append((coalition ^ 1 << factor, factor + 1, groups, *merged))
    worth: np.ndarray = (squares - squares[0]) / cell_count
    return worth


def _terms(table: RunTable) -> tuple[Float[np.ndarray, "run main"], Float[np.ndarray, "run pair"]]:
    """Return the columns of the main effects and of the interactions, minus their blocks' means."""
    counts, pairs = [len(factor.levels) for factor in table.factors], all_pairs(len(table.factors))
    matrix = within(model_matrix(table.levels[table.defined], counts, pairs), table.block[table.defined])
    mains = parameters(counts, ())
    return matrix[:, 1:mains], matrix[:, mains:]


def _sums_of_squares(response: Float[np.ndarray, " run"], terms: tuple[Float[np.ndarray, "run _"], ...]) -> list[float]:
    """Return the sum of squares that each group of columns adds to that of the groups before it."""
    basis = np.empty((len(response), 0))
    sums = []
    for columns in terms:
        residual = columns - basis @ (basis.T @ columns)
        left, sizes, _ = np.linalg.svd(residual, full_matrices=False)
        added = left[:, sizes > TINY * np.sqrt(residual.size)]
        sums.append(float(((added.T @ response) ** 2).sum()))
        basis = np.column_stack([basis, added])
    return sums
