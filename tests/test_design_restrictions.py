from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ablate.core.errors import DesignError
from ablate.design import DesignFactor, DOptimal, FullFactorial

NAMES = "abcde"


def factors(counts, base=0):
    return [DesignFactor(NAMES[i], tuple(map(str, range(n))), base) for i, n in enumerate(counts)]


@st.composite
def restricted(draw):
    """Counts of levels, forbidden combinations, and conditions on factors that come earlier in a shuffled order."""
    counts = draw(st.lists(st.integers(2, 3), min_size=2, max_size=5))
    order = draw(st.permutations(range(len(counts))))
    level = {i: st.sampled_from([str(j) for j in range(counts[i])]) for i in order}
    some = st.lists(st.sampled_from(order), min_size=2, max_size=3, unique=True)
    forbid = [{NAMES[i]: draw(level[i]) for i in draw(some)} for _ in range(draw(st.integers(0, 3)))]
    only_when = {
        NAMES[i]: {NAMES[order[place - 1]]: draw(st.lists(level[order[place - 1]], min_size=1, unique=True))}
        for place, i in enumerate(order)
        if place and draw(st.booleans())
    }
    return counts, forbid, only_when


def may_be_run(cell, forbid, only_when, resting="0"):
    """Return whether a cell may be run, from the names of its levels."""
    levels = {NAMES[i]: str(level) for i, level in enumerate(cell)}
    barred = any(combination.items() <= levels.items() for combination in forbid)
    out_of_rest = any(
        levels[path] != resting and any(levels[other] not in names for other, names in others.items())
        for path, others in only_when.items()
    )
    return not barred and not out_of_rest


@settings(deadline=None)
@given(restricted())
def test_a_full_factorial_runs_exactly_the_allowed_cells(case):
    counts, forbid, only_when = case
    expected = [cell for cell in product(*map(range, counts)) if may_be_run(cell, forbid, only_when)]
    reached = all({cell[i] for cell in expected} == set(range(n)) for i, n in enumerate(counts))
    design = FullFactorial(forbid=forbid, only_when=only_when)
    if reached:
        assert design.cells(factors(counts)) == expected
    else:
        with pytest.raises(DesignError, match="can never be run"):
            design.cells(factors(counts))


@settings(max_examples=40, deadline=None)
@given(restricted(), st.integers(0, 3))
def test_a_d_optimal_design_runs_only_allowed_cells(case, seed):
    counts, forbid, only_when = case
    try:
        cells = DOptimal(forbid=forbid, only_when=only_when, restarts=3, seed=seed).cells(factors(counts))
    except DesignError:
        return
    assert len(set(cells)) == len(cells)
    assert all(may_be_run(cell, forbid, only_when) for cell in cells)


def test_an_inactive_factor_has_its_base_level():
    cells = FullFactorial(only_when={"b": {"a": ["1"]}}).cells(factors([2, 3], base=1))
    assert cells == [(0, 1), (1, 0), (1, 1), (1, 2)]


def test_an_inactive_factor_without_a_base_level_has_its_first_level():
    cells = FullFactorial(only_when={"b": {"a": ["1"]}}).cells(factors([2, 2], base=None))
    assert cells == [(0, 0), (1, 0), (1, 1)]


def test_many_factors_are_searched_without_listing_their_product():
    many = [DesignFactor(f"f{i}", ("0", "1", "2"), 0) for i in range(20)]  # 3.5 thousand million cells
    cells = DOptimal(size=45, restarts=1, forbid=[{"f0": "1", "f1": "1"}], only_when={"f2": {"f3": ["0", "1"]}}).cells(
        many
    )
    assert len(set(cells)) == 45
    assert not any(cell[:2] == (1, 1) or (cell[2] != 0 and cell[3] == 2) for cell in cells)


@pytest.mark.parametrize(
    ("restrictions", "message"),
    [
        ({"forbid": [{"z": "0"}]}, "forbid: unknown factor 'z'; allowed: a, b, c"),
        ({"forbid": [{"a": "7"}]}, "forbid: 'a' has no level '7'; allowed: 0, 1"),
        ({"forbid": [{"a": "0"}]}, "level '0' of 'a' can never be run, because 'forbid'"),
        ({"forbid": [{"a": "0", "b": "0"}, {"a": "1", "b": "0"}]}, "level '0' of 'b' can never be run"),
        ({"only_when": {"z": {"a": ["0"]}}}, "only_when: unknown factor 'z'"),
        ({"only_when": {"a": {"z": ["0"]}}}, "only_when: unknown factor 'z'"),
        ({"only_when": {"a": {"b": ["9"]}}}, "only_when: 'b' has no level '9'"),
        ({"only_when": {"a": {"b": ["0"]}, "b": {"a": ["0"]}}}, "only_when: the conditions form a cycle: "),
        ({"only_when": {"a": {"a": ["0"]}}}, "only_when: the conditions form a cycle: a"),
    ],
)
@pytest.mark.parametrize("design", [FullFactorial, DOptimal])
def test_impossible_restrictions_are_an_error(design, restrictions, message):
    with pytest.raises(DesignError, match=message):
        design(**restrictions).cells(factors([2, 2, 2]))


def test_levels_may_be_named_by_their_values():
    design = FullFactorial.model_validate({"forbid": [{"a": 3, "b": True, "c": None, "d": 0.5}]})
    assert design.forbid == [{"a": "3", "b": "yes", "c": "none", "d": "0.5"}]
