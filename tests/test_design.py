import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.core.errors import DesignError
from ablate.design import DesignFactor, FullFactorial, OneAtATime

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


def test_a_full_factorial_that_nobody_can_run_is_refused_before_it_is_laid_out():
    with pytest.raises(DesignError, match="full_factorial makes more than 10000 cells"):
        FullFactorial().cells(factors([16] * 10))


@given(LEVELS)
def test_one_at_a_time_has_one_cell_more_than_there_are_other_levels(levels):
    assert len(OneAtATime().cells(factors(levels))) == 1 + sum(count - 1 for count in levels)


def test_one_at_a_time_by_hand():
    assert OneAtATime().cells([factor("a", 3, 1), factor("b", 2, 0)]) == [(1, 0), (0, 0), (2, 0), (1, 1)]


def test_one_at_a_time_says_what_to_do_without_a_baseline():
    with pytest.raises(DesignError, match="add it to the levels, or use full_factorial"):
        OneAtATime().cells([factor("a", 2, None)])
