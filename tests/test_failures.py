"""Runs without a response: counted by hand, and their dependence on a factor against exact tests of SciPy."""

from itertools import permutations, product

import numpy as np
import pytest
from scipy import stats

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.failures import failed_runs, failure_rates, missing_cells
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings


def study(counts, blocks, failed=(), outcome=()):
    """Return a crossing whose runs have the response 1, but for those at the named places; blocks turn fastest."""
    cells = np.array(list(product(*map(range, counts))))
    response = np.ones(len(cells) * blocks)
    response[list(failed)] = np.nan
    return RunTable(
        factors=tuple(factor(name, count) for name, count in zip("abcd", counts, strict=False)),
        blocks=tuple(f"s{block}" for block in range(blocks)),
        levels=np.repeat(cells, blocks, axis=0),
        block=np.tile(np.arange(blocks), len(cells)),
        response=response,
        outcome=outcome,
    )


def factor(name, count):
    return FactorLevels(name, name, tuple(str(level) for level in range(count)), "0")


def rows(table, chosen):
    return RunTable(table.factors, table.blocks, table.levels[chosen], table.block[chosen], table.response[chosen])


def test_failed_runs_are_named_with_how_they_ended():
    table = study((2, 2), 2, failed=[1, 6], outcome=("finished",) * 6 + ("diverged", "finished"))
    first, second = failed_runs(table)
    assert (first.levels, first.block, first.outcome) == ({"a": "0", "b": "0"}, "s1", "unmeasurable")
    assert (second.levels, second.block, second.outcome) == ({"a": "1", "b": "1"}, "s0", "diverged")


@pytest.mark.parametrize("outcome", ["finished", "FINISHED", ""])
def test_a_run_that_ended_well_without_a_response_is_undefined(outcome):
    assert [run.outcome for run in failed_runs(study((2,), 2, failed=[3], outcome=(outcome,) * 4))] == ["unmeasurable"]


def test_a_run_with_a_response_has_not_failed_whatever_its_outcome_is_called():
    assert failed_runs(study((2,), 2, outcome=("response is 1",) * 4)) == ()


def test_without_outcomes_a_failed_run_is_undefined():
    assert [run.outcome for run in failed_runs(study((2,), 2, failed=[3]))] == ["unmeasurable"]


def test_rates_are_shares_of_the_runs_at_each_level():
    a, b = failure_rates(study((2, 3), 2, failed=[0, 1, 2, 6]), InferenceSettings())
    assert a.rates == pytest.approx({"0": 3 / 6, "1": 1 / 6})
    assert b.rates == pytest.approx({"0": 3 / 4, "1": 1 / 4, "2": 0})


def test_no_failures_have_no_rates():
    assert failure_rates(study((2, 3), 2), InferenceSettings()) == ()


@pytest.mark.parametrize("failed", [range(8, 14), [8, 9, 10, 11, 12, 0], [8, 1]])
def test_two_levels_are_compared_by_mcnemars_exact_test(failed):
    first = failure_rates(study((2, 8), 1, failed=failed), InferenceSettings())[0]
    place = np.array(list(failed))
    only = [
        np.setdiff1d(place[place >= 8] - 8, place[place < 8]),
        np.setdiff1d(place[place < 8], place[place >= 8] - 8),
    ]
    assert first.p == pytest.approx(stats.binomtest(len(only[0]), len(only[0]) + len(only[1])).pvalue)


def test_three_levels_are_compared_by_every_relabeling_of_each_set():
    failed = np.array([[0, 0, 1], [0, 1, 1], [0, 0, 1], [1, 0, 1]])  # blocks by levels
    first = failure_rates(study((3,), 4, failed=np.flatnonzero(failed.T)), InferenceSettings())[0]
    drawn = [np.sum(blocks, axis=0) for blocks in product(*(permutations(block) for block in failed))]
    observed = failed.sum(axis=0).var()
    assert first.p == pytest.approx(np.mean([total.var() >= observed - 1e-9 for total in drawn]))


def test_failures_at_random_are_significant_once_in_twenty():
    generator = np.random.default_rng(0)
    tables = [study((3, 2, 2), 3, failed=np.flatnonzero(generator.random(36) < 0.3)) for _ in range(200)]
    settings = InferenceSettings(draws=499)
    p = np.array([[factor.p for factor in failure_rates(table, settings)] for table in tables])
    assert (np.mean(p <= 0.05, axis=0) <= 0.05 + 3.5 * np.sqrt(0.05 * 0.95 / 200)).all()


def test_a_fraction_without_matched_runs_has_rates_and_no_p():
    # A half fraction in which no two runs differ in one factor alone; a alone makes runs fail.
    crossing = study((2, 2, 2), 6)
    half = rows(crossing, crossing.levels.sum(axis=1) % 2 == 0)
    response = np.where(half.levels[:, 0] == 1, np.nan, 1.0)
    table = RunTable(half.factors, half.blocks, half.levels, half.block, response)
    rates = failure_rates(table, InferenceSettings())
    assert rates[0].rates == {"0": 0.0, "1": 1.0}
    assert [rate.p for rate in rates] == [None, None, None]


def test_factors_that_always_change_together_cannot_be_told_apart():
    levels = np.array([[0, 0], [1, 1]] * 3)
    response = np.array([np.nan, 1, 1, 1, 1, 1])
    table = RunTable(study((2, 2), 3).factors, ("0", "1", "2"), levels, np.repeat(range(3), 2), response)
    assert [factor.p for factor in failure_rates(table, InferenceSettings())] == [None, None]


def test_a_missing_cell_names_the_blocks_without_a_response():
    # Runs 2 and 3 are a = 0, b = 1 in both blocks; run 4 is a = 1, b = 0 in the first.
    first, second = missing_cells(study((2, 2), 2, failed=[2, 3, 4]))
    assert (first.levels, first.blocks) == ({"a": "0", "b": "1"}, ("s0", "s1"))
    assert (second.levels, second.blocks) == ({"a": "1", "b": "0"}, ("s0",))


def test_a_crossing_measured_by_half_lacks_the_other_half():
    table = study((2, 2, 2), 1)
    assert [cell.levels for cell in missing_cells(rows(table, slice(0, 4)))] == [
        {"a": "1", "b": b, "c": c} for b, c in product("01", "01")
    ]


def test_a_crossing_measured_by_less_than_half_lacks_its_own_rows_alone():
    table = study((2, 2, 2), 1, failed=[2])
    assert [cell.levels for cell in missing_cells(rows(table, slice(0, 4)))] == [{"a": "0", "b": "1", "c": "0"}]


def test_a_full_crossing_lacks_nothing():
    assert missing_cells(study((2, 3), 2)) == ()
