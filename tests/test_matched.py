"""Which runs make up a matched set: on tables small enough to see."""

import numpy as np
import pandas as pd
import pytest

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.matched import matched_sets
from ablate.inference.run_table import RunTable

FACTORS = (FactorLevels("a", "a", ("0", "1", "2"), "0"), FactorLevels("b", "b", ("0", "1"), "0"))


def table(rows):
    """Take rows of a, b, seed, response."""
    runs = pd.DataFrame(rows, columns=["a", "b", "seed", "response"]).astype({"a": str, "b": str})
    return RunTable.of(runs, FACTORS, "seed")


def values_of(sets):
    return np.asarray(sets.values).tolist()


WHOLE = [(a, b, s, 100.0 * s + 10 * b + a) for a in range(3) for b in range(2) for s in range(2)]


def test_a_set_holds_the_runs_that_differ_in_the_factor_alone():
    sets = matched_sets(table(WHOLE), [0])
    assert sorted(values_of(sets)) == [[0, 1, 2], [10, 11, 12], [100, 101, 102], [110, 111, 112]]


def test_a_pair_has_an_axis_for_each_of_its_factors():
    sets = matched_sets(table(WHOLE), [0, 1])
    assert values_of(sets) == [[[0, 10], [1, 11], [2, 12]], [[100, 110], [101, 111], [102, 112]]]


def test_context_is_equal_where_the_other_factors_are_and_block_is_the_seed():
    sets = matched_sets(table(WHOLE), [0])
    assert {(row[0] % 100 // 10, context) for row, context in zip(values_of(sets), sets.context, strict=True)} == {
        (0, sets.context[0]),
        (1, sets.context[-1]),
    }
    assert [row[0] // 100 for row in values_of(sets)] == sets.block.tolist()


def test_a_set_that_lacks_a_run_is_dropped_and_counted():
    sets = matched_sets(table(WHOLE[1:]), [0])
    assert (len(values_of(sets)), sets.dropped) == (3, 1)


def test_a_failed_run_drops_its_set_like_a_missing_one():
    sets = matched_sets(table([(*WHOLE[0][:3], np.nan), *WHOLE[1:]]), [0])
    assert (len(values_of(sets)), sets.dropped) == (3, 1)


def test_a_run_without_any_match_is_no_set_that_was_dropped():
    assert matched_sets(table([row for row in WHOLE if row[0] == 0 or row[1] == 0]), [0]).dropped == 0


def test_only_named_levels_are_asked_for():
    rows = [row for row in WHOLE if row[:3] != (1, 0, 0)]
    assert sorted(values_of(matched_sets(table(rows), [0], [(2, 0)]))) == [
        [2, 0],
        [12, 10],
        [102, 100],
        [112, 110],
    ]


def test_used_is_the_share_of_the_rarest_levels_runs():
    # a = 2 has three runs, two of them in whole found.
    rows = [row for row in WHOLE if row[:3] not in {(2, 1, 1), (0, 0, 0)}]
    sets = matched_sets(table(rows), [0])
    assert sets.used == pytest.approx(2 / 3)
    assert sets.suffice


def test_a_level_that_never_ran_leaves_nothing():
    sets = matched_sets(table([row for row in WHOLE if row[0] < 2]), [0])
    assert (len(values_of(sets)), sets.used, sets.suffice) == (0, 0.0, False)


def test_by_block_is_the_mean_of_a_seeds_sets():
    sets = matched_sets(table(WHOLE), [0]).by_block()
    assert values_of(sets) == [[5, 6, 7], [105, 106, 107]]
    assert sets.block.tolist() == [0, 1]
