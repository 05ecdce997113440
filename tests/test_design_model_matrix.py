import numpy as np
import pandas as pd
import patsy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.design import DesignFactor, FullFactorial
from ablate.design.model_matrix import a_efficiency, all_pairs, columns, d_efficiency, model_matrix, parameters

COUNTS = st.lists(st.integers(2, 4), min_size=1, max_size=4)


def full(counts):
    factors = [DesignFactor(f"f{i}", tuple(map(str, range(count))), 0) for i, count in enumerate(counts)]
    return np.array(FullFactorial().cells(factors))


@given(COUNTS)
def test_a_full_factorial_is_orthonormal(counts):
    matrix = model_matrix(full(counts), counts, all_pairs(len(counts)))
    np.testing.assert_allclose(matrix.T @ matrix, len(matrix) * np.eye(matrix.shape[1]), atol=1e-9 * len(matrix))


@given(COUNTS)
def test_every_parameter_has_its_column(counts):
    pairs = all_pairs(len(counts))
    width = model_matrix(full(counts), counts, pairs).shape[1]
    assert width == parameters(counts, pairs)
    assert [i for place in columns(counts, pairs).values() for i in range(width)[place]] == list(range(width))


def test_it_spans_the_same_models_as_patsys_sum_coding():
    counts = [3, 2, 4]
    cells = full(counts)[::-1][:22]
    table = pd.DataFrame(cells, columns=["a", "b", "c"])
    theirs = np.asarray(patsy.dmatrix("C(a, Sum) + C(b, Sum) + C(c, Sum) + C(a, Sum):C(c, Sum)", table))
    ours = model_matrix(cells, counts, [(0, 2)])
    assert ours.shape == theirs.shape
    both = np.concatenate([ours, theirs], axis=1)
    assert np.linalg.matrix_rank(both) == np.linalg.matrix_rank(ours) == theirs.shape[1]


def test_a_batch_of_designs_is_laid_out_at_once():
    cells = full([2, 3])
    np.testing.assert_array_equal(
        model_matrix(np.stack([cells, cells[::-1]]), [2, 3], [(0, 1)])[1], model_matrix(cells[::-1], [2, 3], [(0, 1)])
    )


@pytest.mark.parametrize("efficiency", [d_efficiency, a_efficiency])
def test_an_orthogonal_design_has_efficiency_one(efficiency):
    assert efficiency(model_matrix(full([3, 2]), [3, 2], ())) == pytest.approx(1)


@pytest.mark.parametrize("efficiency", [d_efficiency, a_efficiency])
def test_a_design_that_cannot_estimate_a_parameter_has_efficiency_zero(efficiency):
    assert efficiency(model_matrix(full([2, 2])[:3], [2, 2], [(0, 1)])) == 0


def test_efficiencies_by_hand():
    matrix = model_matrix(np.array([[0, 0], [1, 0], [0, 1]]), [2, 2], ())  # X'X has 3, and 1 off the diagonal

    assert d_efficiency(matrix) == pytest.approx(16 ** (1 / 3) / 3)
    assert a_efficiency(matrix) == pytest.approx(3 / (3 * 1.5))
