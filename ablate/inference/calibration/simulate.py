"""A study whose truth is known, as the table of runs that it would leave."""

from dataclasses import dataclass

import numpy as np

from ablate.core.seeds import derive
from ablate.inference.calibration.layout import Layout
from ablate.inference.calibration.scenario import Planted, Runs, Scenario, Sizes
from ablate.inference.run_table import RunTable


@dataclass(frozen=True, eq=False)
class Simulated:
    """A table of runs, the layout and the truth it came from, and a seed for what its analysis draws."""

    table: RunTable
    layout: Layout
    planted: Planted
    seed: int


def simulate(scenario: Scenario, layout: Layout, sizes: Sizes, seed: int, number: int) -> Simulated:
    """Draw study `number` of a scenario: the same for the same arguments, wherever and in whatever order.

    A run is the sum of its cell's mean, its seed's effect (normal, standard deviation 1) and noise.
    """
    entropy = [derive(seed, "simulation"), int.from_bytes(scenario.name.encode()), number]
    generator = np.random.default_rng(entropy)
    laid_out = scenario.laid_out(layout, generator)
    planted = scenario.plant(laid_out, sizes, generator)
    blocks = generator.standard_normal(laid_out.blocks)
    response = planted.means[:, None] + blocks + scenario.noise(laid_out, planted, generator)
    response[scenario.lost(laid_out, planted, generator)] = np.nan
    return Simulated(table_of(laid_out, response), laid_out, planted, int(generator.integers(2**31)))


def table_of(layout: Layout, response: Runs) -> RunTable:
    """Return a response for every cell and block as a table of runs; NaN is a run that failed."""
    return RunTable(
        factors=layout.factors,
        blocks=tuple(map(str, range(layout.blocks))),
        levels=np.repeat(layout.cells, layout.blocks, axis=0),
        block=np.tile(np.arange(layout.blocks), len(layout.cells)),
        response=response.reshape(-1),
        outcome=tuple(np.where(np.isnan(response), "failed", "finished").reshape(-1).tolist()),
    )
