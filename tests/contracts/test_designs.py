import numpy as np
import pytest

from ablate.core.errors import DesignError
from ablate.design import (
    DESIGNS,
    Augment,
    DesignFactor,
    DOptimal,
    Foldover,
    FullFactorial,
    LeaveOneOut,
    OneAtATime,
)

FACTORS = [
    DesignFactor("kernel", ("1", "3", "5"), 1),
    DesignFactor("loss", ("mse", "bce"), 0),
    DesignFactor("head", ("frame", "conv3d"), 1),
]


EXAMPLES = [
    FullFactorial(),
    OneAtATime(),
    LeaveOneOut(complete={"head": "frame"}),
    DOptimal(),
    DOptimal(interactions="all", size=11),
    Foldover(of=DOptimal(size=5)),
    Augment(of=OneAtATime(), add=6),
]
ALONE = [FullFactorial(), OneAtATime(), LeaveOneOut(), DOptimal(), Foldover(of=DOptimal())]
every_design = pytest.mark.parametrize("design", EXAMPLES, ids=lambda design: design.kind)


def test_every_design_has_an_example_here():
    assert {type(design) for design in EXAMPLES} == set(DESIGNS)


@every_design
def test_cells_are_distinct(design):
    cells = design.cells(FACTORS)
    assert len(set(cells)) == len(cells)


@every_design
def test_cells_hold_one_plain_number_per_factor(design):
    for cell in design.cells(FACTORS):
        assert [type(level) for level in cell] == [int] * len(FACTORS)
        assert all(0 <= level < factor.n_levels for level, factor in zip(cell, FACTORS, strict=True))


@every_design
def test_every_factor_is_varied(design):
    cells = design.cells(FACTORS)
    assert all(len({cell[position] for cell in cells}) > 1 for position in range(len(FACTORS)))


@every_design
def test_every_level_of_every_factor_is_run(design):
    cells = design.cells(FACTORS)
    for position, factor in enumerate(FACTORS):
        assert {cell[position] for cell in cells} == set(range(factor.n_levels))


@every_design
def test_a_design_is_the_same_every_time(design):
    assert design.cells(FACTORS) == design.cells(FACTORS)


@every_design
def test_a_design_obeys_its_own_rules(design):
    cells = np.array(design.cells(FACTORS))
    rules = design.rules(FACTORS)
    np.testing.assert_array_equal(rules.canonical(cells), cells)
    assert rules.allowed(cells).all()


@every_design
def test_a_design_is_read_back_as_it_was_written(design):
    assert type(design).model_validate(design.model_dump(mode="json")) == design


@pytest.mark.parametrize("design", ALONE, ids=lambda design: design.kind)
def test_without_factors_the_base_run_is_the_only_cell(design):
    assert design.cells([]) == [()]


def test_a_full_factorial_has_the_product_of_the_levels():
    assert len(FullFactorial().cells(FACTORS)) == 3 * 2 * 2


def test_one_at_a_time_changes_at_most_one_factor_of_the_base_run():
    base, *others = OneAtATime().cells(FACTORS)
    assert base == (1, 0, 1)
    assert all(sum(a != b for a, b in zip(base, cell, strict=True)) == 1 for cell in others)


def test_one_at_a_time_needs_the_base_run_among_the_levels():
    with pytest.raises(DesignError, match="'kernel' is not among its levels"):
        OneAtATime().cells([DesignFactor("kernel", ("1", "3"), None)])
