import pytest

from ablate.design import DESIGNS, DesignFactor, FullFactorial, OneAtATime
from ablate.errors import DesignError

FACTORS = [
    DesignFactor("kernel", ("1", "3", "5"), 1),
    DesignFactor("loss", ("mse", "bce"), 0),
    DesignFactor("head", ("frame", "conv3d"), 1),
]


@pytest.mark.parametrize("design", DESIGNS)
def test_cells_are_distinct(design):
    cells = design().cells(FACTORS)
    assert len(set(cells)) == len(cells)


@pytest.mark.parametrize("design", DESIGNS)
def test_every_level_of_every_factor_is_run(design):
    cells = design().cells(FACTORS)
    for position, factor in enumerate(FACTORS):
        assert {cell[position] for cell in cells} == set(range(factor.levels))


@pytest.mark.parametrize("design", DESIGNS)
def test_a_design_is_the_same_every_time(design):
    assert design().cells(FACTORS) == design().cells(FACTORS)


@pytest.mark.parametrize("design", DESIGNS)
def test_without_factors_the_base_run_is_the_only_cell(design):
    assert design().cells([]) == [()]


def test_a_full_factorial_has_the_product_of_the_levels():
    assert len(FullFactorial().cells(FACTORS)) == 3 * 2 * 2


def test_one_at_a_time_changes_at_most_one_factor_of_the_base_run():
    base, *others = OneAtATime().cells(FACTORS)
    assert base == (1, 0, 1)
    assert all(sum(a != b for a, b in zip(base, cell, strict=True)) == 1 for cell in others)


def test_one_at_a_time_needs_the_base_run_among_the_levels():
    with pytest.raises(DesignError, match="'kernel' is not among its levels"):
        OneAtATime().cells([DesignFactor("kernel", ("1", "3"), None)])
