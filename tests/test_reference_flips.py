"""The p-values of every kind of test, against brute force over all flips with least squares on seed dummies."""

from itertools import combinations

import numpy as np
import pytest

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.infer import infer
from ablate.inference.kind_of_test import KindOfTest
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings
from ablate.inference.step_down import flip_signs
from tests import enumerated

TIGHT = 1e-9
DRAWS = 199  # where flips are drawn; brute force takes the same signs


def crossed(shape, seeds):
    return np.array(list(np.ndindex(*shape, seeds)))


def one_at_a_time(shape, seeds):
    cells = {(0,) * len(shape)}
    for position, count in enumerate(shape):
        cells |= {tuple(level if at == position else 0 for at in range(len(shape))) for level in range(count)}
    return np.array([(*cell, seed) for cell in sorted(cells) for seed in range(seeds)])


def random_search(shape, rows, seeds, generator):
    every = crossed(shape, seeds)
    return every[np.sort(generator.choice(len(every), rows, replace=False))]


def with_holes(rows, share, generator):
    return rows[generator.random(len(rows)) >= share]


def responses(rows, generator):
    """Return responses with an effect of the first factor, unequal noise, and effects of seeds."""
    noise = generator.normal(size=len(rows)) * np.where(rows[:, 1] == 0, 1.0, 2.0)
    return noise + 0.8 * rows[:, 0] + generator.normal(size=rows[:, -1].max() + 1)[rows[:, -1]]


def table_of(shape, rows, response, block=None):
    factors = [FactorLevels(n, n, tuple(map(str, range(k))), "0") for n, k in zip("ABCDEF", shape, strict=False)]
    block = rows[:, -1] if block is None else block
    return RunTable(
        factors=tuple(factors),
        blocks=tuple(map(str, range(block.max() + 1))),
        levels=rows[:, : len(shape)],
        block=block,
        response=response,
    )


def terms_of(shape, rows, *, pairs):
    """Return sum-coded columns by the names of the factors."""
    mains = {n: enumerated.sum_coding(rows[:, i], k) for i, (n, k) in enumerate(zip("ABCDEF", shape, strict=False))}
    products = {a + b: enumerated.products(mains[a], mains[b]) for a, b in combinations(mains, 2)} if pairs else {}
    return mains | products


def inferred(table, kind, interactions="all"):
    inference = infer(table, InferenceSettings(interactions=interactions, draws=DRAWS))
    assert inference.kind is kind
    mains = {verdict.factor: verdict.p_adjusted for verdict in inference.verdicts}
    return mains | {"".join(pair.factors): pair.p_adjusted for pair in inference.interactions}


def assert_equal(found, expected):
    assert set(found) == set(expected)
    for name, p in expected.items():
        assert found[name] == pytest.approx(p, abs=TIGHT), name


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("shape", "seeds", "holes"), [((2, 2), 6, 0), ((3, 2), 7, 0.15), ((3, 2, 2), 6, 0.1)])
def test_joint_flips_of_seeds_are_those_of_brute_force(shape, seeds, holes, seed):
    generator = np.random.default_rng(seed)
    rows = with_holes(crossed(shape, seeds), holes, generator)
    y = responses(rows, generator)
    expected = enumerated.seed_flips(y, rows[:, -1], terms_of(shape, rows, pairs=True))
    assert_equal(inferred(table_of(shape, rows, y), KindOfTest.SEED_FLIPS), expected)


@pytest.mark.parametrize("holes", [0, 0.2])
def test_one_at_a_time_is_tested_as_by_brute_force(holes):
    generator = np.random.default_rng(4)
    shape = (3, 2, 2)
    rows = with_holes(one_at_a_time(shape, 8), holes, generator)
    y = responses(rows, generator)
    expected = enumerated.seed_flips(y, rows[:, -1], terms_of(shape, rows, pairs=False))
    assert_equal(inferred(table_of(shape, rows, y), KindOfTest.SEED_FLIPS), expected)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("pairs", [False, True])
def test_wild_flips_are_those_of_brute_force(seed, pairs):
    generator = np.random.default_rng(seed)
    shape = (3, 2, 2, 2)
    rows = random_search(shape, 56, 7, generator)
    y = responses(rows, generator)
    expected = enumerated.wild_flips(y, rows[:, -1], terms_of(shape, rows, pairs=pairs))
    found = inferred(table_of(shape, rows, y), KindOfTest.WILD_FLIPS, "all" if pairs else "none")
    assert_equal(found, expected)


def test_drawn_wild_flips_are_those_of_brute_force():
    generator = np.random.default_rng(7)
    shape = (2, 2, 2)
    rows = random_search(shape, 45, 15, generator)
    y = responses(rows, generator)
    table = table_of(shape, rows, y)
    signs = flip_signs(table.measured_blocks, 13, DRAWS, 0)
    expected = enumerated.wild_flips(y, rows[:, -1], terms_of(shape, rows, pairs=False), signs)
    assert_equal(inferred(table, KindOfTest.WILD_FLIPS, "none"), expected)


@pytest.mark.parametrize("levels", [2, 3])
def test_flips_of_runs_are_those_of_brute_force(levels):
    generator = np.random.default_rng(levels)
    rows = np.array([(run % levels, run % 2, run) for run in range(13)])
    y = responses(rows, generator)
    expected = enumerated.run_flips(y, terms_of((levels,), rows, pairs=False))
    assert_equal(inferred(table_of((levels,), rows, y), KindOfTest.RUN_FLIPS), expected)


@pytest.mark.parametrize("pairs", [False, True])
def test_drawn_flips_of_runs_are_those_of_brute_force(pairs):
    generator = np.random.default_rng(9)
    shape = (2,) * 6
    rows = np.column_stack([*(generator.integers(0, k, 50) for k in shape), np.arange(50)])
    y = responses(rows, generator)
    expected = enumerated.run_flips(y, terms_of(shape, rows, pairs=pairs), flip_signs(50, 13, DRAWS, 0))
    found = inferred(table_of(shape, rows, y), KindOfTest.RUN_FLIPS, "all" if pairs else "none")
    assert_equal(found, expected)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("seeds", "holes"), [(3, 0), (4, 0), (5, 0.15)])
def test_few_seeds_are_tested_as_by_brute_force(seeds, holes, seed):
    generator = np.random.default_rng(seed)
    shape = (3, 2, 2)
    rows = with_holes(crossed(shape, seeds), holes, generator)
    y = responses(rows, generator)
    cell = np.unique(rows[:, :3], axis=0, return_inverse=True)[1].reshape(-1)
    terms = terms_of(shape, rows, pairs=True)
    expected = enumerated.few_seeds(y, rows[:, -1], cell, terms, tuple("ABC"))
    assert_equal(inferred(table_of(shape, rows, y), KindOfTest.F_TEST), expected)
