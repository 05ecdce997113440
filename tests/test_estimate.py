"""A contrast of matched sets and its standard error: worked by hand."""

import numpy as np
import pytest

from ablate.inference.estimate import from_sets
from ablate.inference.matched import MatchedSets

STEP = np.array([-1.0, 1.0])


def sets(rows):
    """Take rows of context, block, and the difference between the two levels."""
    context, block, difference = (np.array(column) for column in zip(*rows, strict=True))
    return MatchedSets(np.column_stack([np.zeros(len(rows)), difference]), context, block, dropped=2, used=1.0)


def estimate(rows, unit, blocks=3):
    return from_sets(sets(rows), STEP, unit, blocks)


# Context 0 has differences 1, 2, 3 (mean 2), context 1 has 5, 7, 9 (mean 7), in blocks 0, 1, 2.
CROSSED = [(0, 0, 1.0), (0, 1, 2.0), (0, 2, 3.0), (1, 0, 5.0), (1, 1, 7.0), (1, 2, 9.0)]


def test_every_context_counts_alike():
    assert estimate(CROSSED, "run").value == pytest.approx(4.5)
    assert estimate([*CROSSED, (1, 3, 7.0)], "run", 4).value == pytest.approx(4.5)


def test_with_blocks_as_the_unit_the_means_over_contexts_vary():
    # The blocks' means are 3, 4.5, 6: standard deviation 1.5 over three of them.
    contrast = estimate(CROSSED, "block")
    assert contrast.by_block.tolist() == pytest.approx([3.0, 4.5, 6.0])
    assert (contrast.error, contrast.freedom) == pytest.approx((1.5 / np.sqrt(3), 2))


def test_with_runs_as_the_unit_each_context_varies_for_itself():
    # Sums of squares 2 and 8 over 6 - 2 degrees of freedom: variance 2.5 of a difference, 2.5 / 6 of the mean.
    contrast = estimate(CROSSED, "run")
    assert (contrast.error, contrast.freedom) == pytest.approx((np.sqrt(2.5 / 6), 4))


@pytest.mark.parametrize("unit", ["run", "block"])
def test_an_effect_that_differs_between_contexts_is_no_error(unit):
    moved = [(context, block, value + 100.0 * context) for context, block, value in CROSSED]
    assert estimate(moved, unit).error == pytest.approx(estimate(CROSSED, unit).error)


def test_a_block_without_a_context_is_compared_with_the_others_there():
    # Without (1, 2): block 2 has residual +1 of context 0 alone, about the mean of 2 and 6.
    contrast = estimate(CROSSED[:-1], "block")
    assert contrast.value == pytest.approx(4.0)
    assert contrast.by_block.tolist() == pytest.approx([4.0 + (-1.0 - 1.0) / 2, 4.0 + (0.0 + 1.0) / 2, 5.0])


def test_in_a_lone_block_the_contexts_are_left_to_vary():
    contrast = estimate([(0, 0, 1.0), (1, 0, 3.0)], "run", 1)
    assert (contrast.value, contrast.error, contrast.freedom) == pytest.approx((2.0, 1.0, 1))


def test_a_lone_set_has_no_error():
    contrast = estimate([(0, 0, 1.0)], "run", 1)
    assert (contrast.value, contrast.error) == (1.0, None)


def test_the_share_above_zero_counts_ties_half():
    assert estimate([(0, 0, 1.0), (0, 1, 0.0), (0, 2, -1.0), (1, 0, 2.0)], "run").above == pytest.approx(2.5 / 4)


def test_a_contrast_of_three_levels_has_no_share_above_zero():
    three = MatchedSets(np.array([[0.0, 1.0, 2.0]]), np.zeros(1, int), np.zeros(1, int), 0, 1.0)
    contrast = from_sets(three, np.array([-1.0, 0.5, 0.5]), "run", 1)
    assert contrast is not None
    assert contrast.above is None


def test_runs_blocks_and_dropped_sets_are_counted():
    contrast = estimate(CROSSED, "run", 4)
    assert (contrast.runs, contrast.blocks, contrast.dropped) == (12, 3, 2)
    assert np.isnan(contrast.by_block[3])


def test_without_a_whole_set_there_is_no_estimate():
    assert from_sets(MatchedSets(np.empty((0, 2)), np.empty(0, int), np.empty(0, int), 0, 0.0), STEP, "run", 1) is None
