"""A table of runs that is none is bad input, as a bad file is."""

import pandas as pd
import pytest

from ablate.core.errors import TableError
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.run_table import RunTable

KERNEL = FactorLevels("kernel", "kernel", ("1", "3"), "1")


def table(kernels):
    """Take runs of two seeds that have these kernels."""
    rows = [{"kernel": kernel, "seed": seed, "response": 0.1} for seed in (0, 1) for kernel in kernels]
    return RunTable.of(pd.DataFrame(rows), [KERNEL], "seed")


@pytest.mark.parametrize(
    ("kernels", "words"),
    [
        (["1", "5"], r"factor 'kernel' has a level '5' in the table; its levels are \['1', '3'\]"),
        (["1", "3", "3"], r"the runs of \{'kernel': '3'\} occur more than once in block '0'"),
    ],
)
def test_a_level_that_is_unknown_and_a_run_that_is_there_twice_are_bad_input(kernels, words):
    with pytest.raises(TableError, match=words) as caught:
        table(kernels)
    assert caught.value.exit_code == 2


def test_levels_are_positions_in_their_factor():
    assert table(["3", "1"]).levels.tolist() == [[1], [0], [1], [0]]
