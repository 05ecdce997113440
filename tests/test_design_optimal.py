from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ablate.core.errors import DesignError
from ablate.design import Augment, DesignFactor, DOptimal, Foldover, FullFactorial, OneAtATime
from ablate.design.aliasing import aliases
from ablate.design.model_matrix import all_pairs, d_efficiency, model_matrix


def factors(counts):
    return [DesignFactor(chr(ord("a") + i), tuple(map(str, range(n))), 0) for i, n in enumerate(counts)]


def determinant(cells, counts, pairs=()):
    matrix = model_matrix(np.array(cells), counts, pairs)
    return np.linalg.det(matrix.T @ matrix)


def best_of_all(counts, size, pairs=(), kept=(), forbidden=()):
    """Try every set of cells."""
    free = [cell for cell in product(*map(range, counts)) if cell not in {*kept, *forbidden}]
    return max(determinant([*kept, *cells], counts, pairs) for cells in combinations(free, size))


@pytest.mark.parametrize(
    ("counts", "size", "pairs"),
    [([2, 2, 2], 5, ()), ([2, 2, 2], 7, ((0, 1),)), ([3, 2, 2], 6, ()), ([3, 3], 6, ()), ([4, 2], 6, ())],
)
def test_a_d_optimal_design_is_the_best_of_all_sets_of_cells(counts, size, pairs):
    names = [[chr(ord("a") + i), chr(ord("a") + j)] for i, j in pairs]
    cells = DOptimal(size=size, interactions=names).cells(factors(counts))
    assert determinant(cells, counts, pairs) == pytest.approx(best_of_all(counts, size, pairs))


def test_a_restricted_d_optimal_design_is_the_best_of_all_allowed_sets():
    forbid = [{"a": "0", "b": "0", "c": "0"}, {"a": "2", "b": "1", "c": "1"}]
    cells = DOptimal(size=7, forbid=forbid).cells(factors([3, 2, 2]))
    best = best_of_all([3, 2, 2], 7, forbidden=[(0, 0, 0), (2, 1, 1)])
    assert determinant(cells, [3, 2, 2]) == pytest.approx(best)


def test_added_cells_are_the_best_together_with_the_fixed_ones():
    kept = OneAtATime().cells(factors([2, 2, 2]))
    cells = Augment(of=OneAtATime(), add=3).cells(factors([2, 2, 2]))
    assert cells[:4] == kept
    assert determinant(cells, [2, 2, 2], all_pairs(3)) == pytest.approx(best_of_all([2, 2, 2], 3, all_pairs(3), kept))


def test_added_cells_separate_confounded_effects():
    half, three = DOptimal(size=4), factors([2, 2, 2])
    assert aliases(np.array(half.cells(three)), three, ())
    assert aliases(np.array(Augment(of=half, add=4).cells(three)), three, all_pairs(3)) == ()


def test_three_levels_and_twelve_factors_in_sixty_cells():
    counts = [3] * 12
    cells = DOptimal(size=60, restarts=5).cells(factors(counts))
    assert len(set(cells)) == 60
    assert d_efficiency(model_matrix(np.array(cells), counts, ())) > 0.97


def test_all_interactions_can_be_estimated():
    cells = DOptimal(interactions="all", restarts=5).cells(factors([3, 3, 2, 2]))
    assert aliases(np.array(cells), factors([3, 3, 2, 2]), all_pairs(4)) == ()


def test_the_default_size_is_one_and_a_half_times_the_parameters():
    assert len(DOptimal(restarts=1).cells(factors([3] * 5))) == 17  # 1.5 times 1 + 5 x 2
    assert len(DOptimal(interactions="all").cells(factors([2, 2]))) == 4  # there are no more


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(2, 4), min_size=1, max_size=5), st.integers(0, 5), st.data())
def test_cells_are_distinct_and_as_many_as_the_size_and_equal_for_equal_seeds(counts, seed, data):
    least, most = 1 + sum(counts) - len(counts), int(np.prod(counts))
    assume(least <= most)
    design = DOptimal(size=data.draw(st.integers(least, min(most, least + 10))), seed=seed, restarts=20)
    cells = design.cells(factors(counts))
    assert len(set(cells)) == len(cells) == design.size
    assert design.cells(factors(counts)) == cells


def test_another_seed_starts_elsewhere():
    designs = {tuple(DOptimal(size=12, restarts=1, seed=seed).cells(factors([3] * 5))) for seed in range(5)}
    assert len(designs) > 1


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (DOptimal(size=4), "size: 4 cells cannot estimate the 7 parameters of 3 main effects and 0 inter.* at least 7"),
        (DOptimal(size=25), "size: found 25; allowed: at most 24"),
        (DOptimal(interactions=[["a", "z"]]), "interactions: unknown factor 'z'; allowed: a, b, c"),
        (DOptimal(interactions=[["a", "a"]]), "interactions: found 'a' twice"),
        (DOptimal(interactions=[["a", "b"]], forbid=[{"a": "0", "b": "1"}]), "a x b cannot be .* '0' with '1' may"),
        (DOptimal(forbid=[{"a": "0", "b": "0"}, {"a": "1", "b": "1"}]), "a and b are confounded"),
        (Augment(of=OneAtATime(), add=1), "add: 7 cells and 1 more cannot estimate the 18 parameters.* at least 11"),
        (Augment(of=FullFactorial(), add=1), "add: found 1; allowed: at most 0"),
    ],
)
def test_an_impossible_design_is_an_error_that_says_what_to_do(design, message):
    counts = [2, 2, 3] if "confounded" in message or "a x b" in message else [2, 3, 4]
    with pytest.raises(DesignError, match=message):
        design.cells(factors(counts))


def test_a_foldover_of_some_factors_reverses_only_these():
    cells = Foldover(of=OneAtATime(), factors=["b"]).cells(factors([2, 3]))
    assert cells == [(0, 0), (1, 0), (0, 1), (0, 2), (1, 2)]


def test_a_foldover_of_all_cells_adds_none():
    assert Foldover(of=FullFactorial()).cells(factors([2, 3])) == FullFactorial().cells(factors([2, 3]))


def test_a_foldover_onto_a_forbidden_combination_is_refused():
    design = Foldover(of=FullFactorial(forbid=[{"a": "0", "b": "0"}]))
    with pytest.raises(DesignError, match=r"makes the forbidden combination \{a: 0, b: 0\}; reverse fewer"):
        design.cells(factors([2, 2]))


def test_a_foldover_of_an_unknown_factor_is_refused():
    with pytest.raises(DesignError, match="factors: unknown factor 'z'; allowed: a, b"):
        Foldover(of=FullFactorial(), factors=["z"]).cells(factors([2, 2]))
