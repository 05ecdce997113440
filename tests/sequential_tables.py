"""Simulated tables of a sequential study: seeds by crossed cells, with noise of standard deviation 1."""

from itertools import product

import numpy as np

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings, Looks


def sequential_settings(first=6, last=8, **changes):
    return InferenceSettings(interactions="all", looks=Looks(first=first, last=last), **changes)


def sequential_table(seeds, effect=0.0, levels=(2, 2, 2), seed=0, noise=1.0):
    """Return a table of all cells with every seed; the first factor's second level adds `effect`."""
    generator = np.random.default_rng(seed)
    names = [chr(ord("a") + place) for place in range(len(levels))]
    factors = tuple(
        FactorLevels(name, name.upper(), tuple(map(str, range(count))), "0", ordered=False)
        for name, count in zip(names, levels, strict=True)
    )
    cells = np.array(list(product(*map(range, levels))))
    block = np.repeat(np.arange(seeds), len(cells))
    at = np.tile(cells, (seeds, 1))
    response = generator.normal(size=seeds)[block] + noise * generator.normal(size=len(at)) + effect * (at[:, 0] == 1)
    return RunTable(factors, tuple(map(str, range(seeds))), at, block, response)
