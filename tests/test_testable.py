"""A table in which nothing can be tested is bad input: the error names the column, what is wrong, and what helps."""

import numpy as np
import pandas as pd
import pytest

from ablate.core.errors import DataError
from ablate.inference.tables import Columns, read_runs
from ablate.inference.tables.testable import untestable_factors

GRID = pd.DataFrame([(k, n, s) for s in range(3) for k in "13" for n in "xy"], columns=["kernel", "norm", "seed"])


@pytest.fixture
def untestable(tmp_path):
    def of(frame, factors="kernel,norm", block="seed", **options):
        file = tmp_path / "runs.csv"
        if "ghost" not in frame:
            frame = frame.assign(ghost=np.arange(len(frame)) % 5)
        frame.to_csv(file, index=False)
        columns = Columns.written(response="ghost", factors=factors, block=block, **options)
        return untestable_factors(file, read_runs(file, columns), columns)

    return of


def test_every_factor_of_a_grid_can_be_tested(untestable):
    assert untestable(GRID) == ()


def test_equal_responses_are_no_fault_of_the_table(untestable):
    assert untestable(GRID.assign(ghost=0.5)) == ()


def test_two_copies_are_refused_by_name(untestable):
    rows = GRID.drop(columns="norm").drop_duplicates()
    frame = rows.assign(size=rows["kernel"].map({"1": "small", "3": "large"}))
    with pytest.raises(
        DataError, match=r"nothing can be tested: 'kernel' has the same levels .* as 'size'.*'size' has"
    ):
        untestable(frame, factors="kernel,size")


def test_copies_beside_a_testable_factor_are_said(untestable):
    first, second = untestable(GRID.assign(size=GRID["kernel"] + "px"), factors="kernel,norm,size")
    assert "'kernel' has the same levels in the same runs as 'size'" in first
    assert "'size' has the same levels in the same runs as 'kernel'" in second


def test_a_factor_that_others_determine_is_said(untestable):
    frame = GRID.assign(total=GRID["kernel"].map(int) + 2 * (GRID["norm"] == "y"), free=["a", "b", "b"] * 4)
    first, second, third = untestable(frame, factors="kernel,norm,total,free")
    assert "factor 'kernel' is determined by the other factors" in first
    assert "'norm'" in second
    assert "'total'" in third


def test_a_factor_that_does_not_vary_within_blocks_is_said(untestable):
    frame = GRID.assign(seed=GRID["kernel"] + GRID["seed"].map(str))
    (sentence,) = untestable(frame)
    assert "'kernel' has one level in each block of 'seed', and runs are compared within a block" in sentence
    assert untestable(frame, block="none") == ()


def test_runs_that_determine_everything_are_refused(untestable):
    with pytest.raises(
        DataError, match=r"2 runs with 'ghost' determine 1 contrasts .* add seeds, or name fewer factors"
    ):
        untestable(GRID.head(4).iloc[[0, 2]].drop(columns="norm"), factors="kernel")


def test_a_factor_whose_second_level_has_no_response_is_refused(untestable):
    frame = GRID.assign(ghost=np.where(GRID["kernel"] == "1", np.nan, 1.0))
    with pytest.raises(DataError, match="'kernel' has a response at one level only, '3'"):
        untestable(frame[frame["norm"] == "x"], factors="kernel")
    (sentence,) = untestable(frame)
    assert "'kernel' has a response at one level only" in sentence


def test_numeric_copies_are_refused(untestable):
    rate = np.tile([0.1, 0.2, 0.4], 4)
    with pytest.raises(DataError, match="nothing can be tested"):
        untestable(
            pd.DataFrame({"rate": rate, "twice": 2 * rate}), factors="rate,twice", numeric="rate,twice", block="none"
        )
