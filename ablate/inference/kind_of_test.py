"""Which table is tested how: one function, and the same page in docs/tests.md.

The choice depends on which runs exist and which seeds they share. It depends on no response and on no alpha.
"""

from enum import StrEnum
from typing import assert_never

import numpy as np

from ablate.inference.run_table import RunTable

FEWEST_FLIPPED = 6  # seeds; 2^5 flips of fewer seeds cannot reach 5 %
DESIGNED = 0.5  # of cells x seeds; a study with lost runs fills more, a random search fills about a tenth
REPEATED = 3  # rows of a cell; a random search that draws so many rows for its cells is a design but for chance


class KindOfTest(StrEnum):
    """How the hypotheses of a table are tested; each value names the test in JSON."""

    SEED_FLIPS = "seed_flips"
    """Designed tables with six seeds or more: joint sign flips of whole seeds."""
    WILD_FLIPS = "wild_flips"
    """Tables whose cells nobody planned: restricted wild flips of whole seeds."""
    RUN_FLIPS = "run_flips"
    """Runs that share no seed, or that all share one: studentized sign flips of single runs."""
    F_TEST = "f_test"
    """Two to five seeds: F tests against the largest of three error terms."""

    @property
    def adjustment(self) -> str:
        """The adjustment of p over the family."""
        match self:
            case KindOfTest.SEED_FLIPS | KindOfTest.WILD_FLIPS | KindOfTest.RUN_FLIPS:
                return "max-T"
            case KindOfTest.F_TEST:
                return "Holm"
            case unknown:
                assert_never(unknown)


def kind_of_test(table: RunTable) -> KindOfTest:
    """Return how the hypotheses of a table are tested."""
    blocks = table.measured_blocks
    if blocks in (1, int(table.defined.sum())):
        return KindOfTest.RUN_FLIPS
    if blocks < FEWEST_FLIPPED:
        return KindOfTest.F_TEST
    return KindOfTest.SEED_FLIPS if is_designed(table) else KindOfTest.WILD_FLIPS


def is_designed(table: RunTable) -> bool:
    """Return whether somebody planned the cells: the rows, lost runs included, fill half of cells x blocks.

    Where no two rows share a block, or all do, somebody planned the cells if each has three rows on average.
    """
    cells, blocks = len(np.unique(table.cell)), len(np.unique(table.block))
    if blocks in (1, len(table.block)):
        return len(table.block) >= REPEATED * cells
    return len(table.block) >= DESIGNED * cells * blocks
