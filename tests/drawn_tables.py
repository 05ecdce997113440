"""Tables of runs for tests: rows of a layout, and responses with planted effects."""

from itertools import product

import numpy as np

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.run_table import RunTable

NAMES = "abcdefgh"


def factors(shape, *, ordered=(), numeric=()):
    """Return factors a, b, c … with levels "0", "1" … and the baseline "0"; the named ones are ordered or numeric."""
    return tuple(
        FactorLevels(name, name.upper(), tuple(map(str, range(count))), "0", name in ordered, name in numeric)
        for name, count in zip(NAMES, shape, strict=False)
    )


def crossed(shape, seeds):
    """Return the levels and the seed of every run of a full factorial; seeds turn fastest."""
    return np.array(list(product(*map(range, shape), range(seeds))))


def one_at_a_time(shape, seeds):
    """Return the runs of a full factorial in which at most one factor is not at its baseline."""
    rows = crossed(shape, seeds)
    return rows[(rows[:, :-1] > 0).sum(axis=1) <= 1]


def half_fraction(shape, seeds):
    """Return the runs whose levels add up to an even number: of 2 x 2 x 2, C is the product of A and B."""
    rows = crossed(shape, seeds)
    return rows[rows[:, :-1].sum(axis=1) % 2 == 0]


def random_search(shape, runs, seeds, generator):
    """Return that many different runs, drawn from a full factorial."""
    rows = crossed(shape, seeds)
    return rows[np.sort(generator.choice(len(rows), runs, replace=False))]


def own_seeds(shape, runs, generator):
    """Return runs at random levels, each with a seed that no other run has."""
    return np.column_stack([*(generator.integers(0, count, runs) for count in shape), np.arange(runs)])


def table(rows, response, levels=(), outcome=()):
    """Return the table of these rows; `levels` are the factors, by default as many levels as the rows have."""
    chosen = levels or factors(rows[:, :-1].max(axis=0) + 1)
    blocks, block = np.unique(rows[:, -1], return_inverse=True)
    return RunTable(
        factors=tuple(chosen),
        blocks=tuple(map(str, blocks)),
        levels=rows[:, :-1],
        block=block,
        response=np.asarray(response, float),
        outcome=tuple(outcome),
    )


def noise(rows, generator, *, seed_effects=1.0):
    """Return normal noise of SD 1 about normal effects of the seeds."""
    by_seed = generator.normal(size=rows[:, -1].max() + 1)
    return generator.normal(size=len(rows)) + seed_effects * by_seed[rows[:, -1]]
