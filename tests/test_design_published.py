"""Published arrays, written out, and whether the search finds designs as good."""

import numpy as np
import pytest

from ablate.design import DesignFactor, DOptimal, Foldover
from ablate.design.aliasing import aliases
from ablate.design.model_matrix import d_efficiency, model_matrix

# Taguchi and Konishi (1987), Orthogonal Arrays and Linear Graphs; L18 compared with Yang and El-Haik (2009), chapter 13
L9 = "1111 1222 1333 2123 2231 2312 3132 3213 3321"
L18 = """
11111111 11222222 11333333 12112233 12223311 12331122 13121323 13232131 13313212
21133221 21211332 21322113 22123132 22231213 22312321 23132312 23213123 23321231
"""


def array(text):
    return np.array([[int(level) - 1 for level in cell] for cell in text.split()])


def factors(counts):
    return [DesignFactor(chr(ord("A") + i), tuple(map(str, range(1, count + 1))), 0) for i, count in enumerate(counts)]


def efficiency(cells, counts):
    return d_efficiency(model_matrix(np.array(cells), counts, ()))


@pytest.mark.parametrize(("text", "counts"), [(L9, [3] * 4), (L18, [2] + [3] * 7)], ids=["L9", "L18"])
def test_taguchis_arrays_have_full_efficiency(text, counts):
    assert efficiency(array(text), counts) == pytest.approx(1)


def test_l9_is_saturated_so_each_factor_is_fully_aliased_with_each_pair_of_further_factors():
    found = aliases(array(L9), factors([3] * 4), ())
    assert len(found) == 4 * 3
    np.testing.assert_allclose([alias.strength for alias in found], 1)


def test_l18_does_not_alias_the_interaction_of_its_first_two_columns():
    # Phadke (1989), Quality Engineering Using Robust Design: it can be estimated beside all columns
    found = aliases(array(L18), factors([2] + [3] * 7), ())
    assert not [alias for alias in found if alias.aliased_with == ("A", "B")]
    assert {alias.aliased_with for alias in found if alias.term == ("C",)}


@pytest.mark.parametrize(
    ("counts", "size"), [([3] * 4, 9), ([2] * 7, 8), ([2] * 11, 12), ([2] * 3, 4)], ids=["L9", "2^7-4", "PB12", "2^3-1"]
)
@pytest.mark.parametrize("seed", range(3))
def test_the_search_finds_orthogonal_designs(counts, size, seed):
    cells = DOptimal(size=size, seed=seed).cells(factors(counts))
    assert efficiency(cells, counts) == pytest.approx(1)


@pytest.mark.parametrize("seed", range(3))
def test_the_search_comes_near_l18(seed):
    assert efficiency(DOptimal(size=18, seed=seed).cells(factors([2] + [3] * 7)), [2] + [3] * 7) > 0.97


def test_the_search_finds_l18_itself():
    cells = DOptimal(size=18, seed=1, restarts=600).cells(factors([2] + [3] * 7))
    assert efficiency(cells, [2] + [3] * 7) == pytest.approx(1)


def test_the_foldover_of_seven_factors_in_eight_cells_frees_main_effects_from_pairs():
    half = DOptimal(size=8)
    assert aliases(np.array(half.cells(factors([2] * 7))), factors([2] * 7), ())
    cells = Foldover(of=half).cells(factors([2] * 7))
    assert len(cells) == 16
    assert aliases(np.array(cells), factors([2] * 7), ()) == ()
