import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.core.errors import DesignError
from ablate.design import DesignFactor, FullFactorial, LeaveOneOut, OneAtATime

KERNEL = DesignFactor("kernel", ("1", "3", "5"), 1)
LOSS = DesignFactor("loss", ("mse", "bce"), 0)
LEVELS = st.lists(st.integers(2, 5), max_size=5)


def factor(name, levels, baseline):
    return DesignFactor(name, tuple(str(level) for level in range(levels)), baseline)


def factors(levels):
    return [factor(f"factor {i}", count, count - 1) for i, count in enumerate(levels)]


@given(LEVELS)
def test_a_full_factorial_has_every_pair_of_levels_equally_often(levels):
    cells = FullFactorial().cells(factors(levels))
    for i, one in enumerate(levels):
        for j, other in enumerate(levels[:i]):
            pairs = [(cell[i], cell[j]) for cell in cells]
            assert {pairs.count(pair) for pair in set(pairs)} == {len(cells) // (one * other)}


def test_a_full_factorial_varies_the_last_factor_fastest():
    assert FullFactorial().cells(factors([2, 2])) == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_a_full_factorial_with_too_many_cells_is_refused_before_they_are_listed():
    with pytest.raises(DesignError, match="full_factorial makes more than 10000 cells"):
        FullFactorial().cells(factors([16] * 10))


@given(LEVELS)
def test_one_at_a_time_has_one_cell_more_than_there_are_other_levels(levels):
    assert len(OneAtATime().cells(factors(levels))) == 1 + sum(count - 1 for count in levels)


def test_one_at_a_time_by_hand():
    assert OneAtATime().cells([factor("a", 3, 1), factor("b", 2, 0)]) == [(1, 0), (0, 0), (2, 0), (1, 1)]


def test_one_at_a_time_says_what_to_do_without_a_baseline():
    with pytest.raises(DesignError, match="change the base, add its value to the levels, or use full_factorial"):
        OneAtATime().cells([factor("a", 2, None)])


def test_each_factor_alone_is_reset_from_its_last_level():
    head = DesignFactor("head", ("conv3d", "frame"), 0)
    norm = DesignFactor("norm", ("none", "batch"), 0)
    assert LeaveOneOut().cells([norm, LOSS, head]) == [(1, 1, 1), (0, 1, 1), (1, 0, 1), (1, 1, 0), (0, 0, 0)]


def test_further_levels_are_run_in_the_complete_system():
    assert LeaveOneOut().cells([KERNEL, LOSS]) == [(2, 1), (0, 1), (1, 1), (2, 0), (1, 0)]


def test_the_complete_system_may_be_named():
    assert LeaveOneOut(complete={"kernel": "1"}).cells([KERNEL, LOSS]) == [(0, 1), (1, 1), (2, 1), (0, 0), (1, 0)]


def test_one_factor_gives_distinct_cells():
    assert LeaveOneOut().cells([LOSS]) == [(1,), (0,)]
    assert LeaveOneOut().cells([KERNEL]) == [(2,), (0,), (1,)]


@pytest.mark.parametrize(
    ("complete", "message"),
    [
        ({"kernal": 5}, r"complete: unknown factor 'kernal' .did you mean 'kernel'\?.; allowed: kernel, loss"),
        ({"kernel": 7}, "complete: 'kernel' has no level '7'; allowed: 1, 3, 5"),
        ({"kernel": 3}, "complete: 'kernel' has the base run's level '3', so there is nothing to reset"),
    ],
)
def test_an_impossible_complete_system_is_an_error(complete, message):
    with pytest.raises(DesignError, match=message):
        LeaveOneOut(complete=complete).cells([KERNEL, LOSS])


def test_leave_one_out_needs_the_base_runs_level():
    with pytest.raises(DesignError, match="leave_one_out starts from the base run, but the base's value of 'kernel'"):
        LeaveOneOut().cells([DesignFactor("kernel", ("1", "3"), None)])


@pytest.mark.parametrize("design", [OneAtATime, LeaveOneOut])
def test_designs_around_one_cell_say_that_they_show_no_interaction(design):
    assert "no interaction can be seen" in design.caveat
