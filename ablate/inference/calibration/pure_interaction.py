"""Two factors that do something together, and nothing alone."""

from typing import final

import numpy as np

from ablate.inference.calibration.layout import Layout
from ablate.inference.calibration.scenario import Planted, Scenario, Sizes


@final
class PureInteraction(Scenario):
    """A pair, drawn at random for every study: one factor moves the response up or down, as the other has it.

    The mean of a cell is half of `interaction` times the product of both levels' scores, spaced evenly from -1 to +1.
    Averaged over the other, neither factor moves anything.
    """

    name = "pure_interaction"
    title = "pure interaction"

    def fits(self, layout: Layout) -> bool:
        """See Scenario: only where two factors are crossed."""
        return bool(layout.crossed_pairs)

    def plant(self, layout: Layout, sizes: Sizes, generator: np.random.Generator) -> Planted:
        """See Scenario."""
        first, second = layout.crossed_pairs[generator.integers(len(layout.crossed_pairs))]
        product = _scores(layout, first) * _scores(layout, second)
        return Planted(sizes.interaction / 2 * product, pair=(first, second))


def _scores(layout: Layout, factor: int) -> np.ndarray:
    """Return the score of every cell's level; they add up to exactly 0 over the levels."""
    last = len(layout.factors[factor].levels) - 1
    return (2 * layout.cells[:, factor] - last) / last
