import numpy as np
import pytest

from ablate.design import DesignFactor, FullFactorial, OneAtATime
from ablate.design.aliasing import Alias, aliases, in_words

PLACKETT_BURMAN = "++-+++---+-"
"""The generator of the design in 12 runs: Plackett and Burman (1946), doi:10.1093/biomet/33.4.305, table for N = 12."""


def two_level(count):
    return [DesignFactor(chr(ord("A") + i), ("-", "+"), 0) for i in range(count)]


def plackett_burman():
    row = [int(sign == "+") for sign in PLACKETT_BURMAN]
    return np.array([*(row[-i:] + row[:-i] for i in range(11)), [0] * 11])


def seven_in_eight():
    """2^(7-4), D = AB, E = AC, F = BC, G = ABC: Box, Hunter and Hunter, Statistics for Experimenters (2005), ch. 6."""
    a, b, c = np.array(FullFactorial().cells(two_level(3))).T * 2 - 1
    return (np.column_stack([a, b, c, a * b, a * c, b * c, a * b * c]) + 1) // 2


def test_plackett_burman_aliases_each_main_effect_by_a_third_with_each_pair_of_further_factors():
    found = aliases(plackett_burman(), two_level(11), ())
    assert len(found) == 11 * 10 * 9 // 2
    assert all(set(alias.term).isdisjoint(alias.aliased_with) for alias in found)
    np.testing.assert_allclose([alias.strength for alias in found], 1 / 3)


def test_a_design_of_resolution_three_aliases_main_effects_only_with_pairs():
    found = aliases(seven_in_eight(), two_level(7), ())
    of_d = {alias.aliased_with for alias in found if alias.term == ("D",)}
    assert of_d == {("A", "B"), ("C", "G"), ("E", "F")}  # D = AB = CG = EF, as that chapter lists
    np.testing.assert_allclose([alias.strength for alias in found], 1)


def test_the_foldover_of_a_resolution_three_design_has_unaliased_main_effects():
    both = np.concatenate([seven_in_eight(), 1 - seven_in_eight()])
    assert aliases(both, two_level(7), ()) == ()


def test_terms_of_the_model_with_equal_columns_are_confounded():
    found = aliases(seven_in_eight(), two_level(7), [(0, 1)])
    assert Alias(("D",), ("A", "B"), 1.0, in_model=True) in found
    assert [alias for alias in found if alias.in_model] == [found[0]]


def test_a_factor_that_never_changes_is_confounded_with_the_mean():
    first, *_ = aliases(np.array([[0, 1], [1, 1]]), two_level(2), ())
    assert in_words(first) == "B is confounded with the mean of all runs"


def test_a_level_that_is_never_run_causes_no_confounding():
    factors = [DesignFactor("kernel", ("1", "3", "5"), 0), *two_level(2)]
    found = aliases(np.array([(2, 1, 1), (0, 1, 1), (2, 0, 1), (2, 1, 0)]), factors, ())
    assert not [alias for alias in found if alias.in_model]


def test_a_full_factorial_has_no_aliases():
    factors = [DesignFactor("a", ("1", "2", "3"), 0), *two_level(3)]
    assert aliases(np.array(FullFactorial().cells(factors)), factors, ()) == ()


def test_the_alias_matrix_by_hand():
    cells = np.array(OneAtATime().cells(two_level(2)))  # (-,-), (+,-), (-,+): y = AB gives 1, -1, -1
    found = aliases(cells, two_level(2), ())
    assert [(alias.term, alias.aliased_with) for alias in found] == [(("A",), ("A", "B")), (("B",), ("A", "B"))]
    assert [alias.strength for alias in found] == pytest.approx([1, 1])  # half the difference of two cells


@pytest.mark.parametrize(
    ("alias", "sentence"),
    [
        (Alias(("kernel",), ("norm", "loss"), 1 / 3), "kernel is aliased with normalization x loss (33 %)"),
        (Alias(("kernel",), ("norm", "loss"), 1.0), "kernel is aliased with normalization x loss (100 %)"),
        (
            Alias(("kernel",), ("norm", "loss"), 2.24),
            "kernel is aliased with normalization x loss (2.2 times its size)",
        ),
        (Alias(("kernel",), ("norm",), 1.0, in_model=True), "kernel and normalization are confounded"),
    ],
)
def test_an_alias_in_words(alias, sentence):
    assert in_words(alias, {"norm": "normalization"}) == sentence


def test_aliases_of_ten_thousand_cells_fit_in_memory():
    factors = [DesignFactor(name, tuple("0123456789"), 0) for name in "abcd"]
    assert aliases(np.array(FullFactorial().cells(factors)), factors, ()) == ()
