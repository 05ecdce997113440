"""Holm's adjustment: against statsmodels, and what must not matter to it."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from ablate.inference.multiplicity import holm


@pytest.mark.parametrize("seed", range(3))
def test_it_is_statsmodels_adjustment(seed):
    # Rounded, so that many are equal.
    p_values = np.random.default_rng(seed).beta(0.5, 3, size=40).round(2).tolist()
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1].tolist())


def test_what_was_not_tested_counts_for_nothing_and_stays_untested():
    assert holm([None, 0.01, None, 0.04]) == [None, 0.02, None, 0.04]


def test_a_lone_p_stays_as_it_is():
    assert holm([0.03]) == [0.03]


def test_nothing_tested_leaves_nothing_adjusted():
    assert holm([]) == []
    assert holm([None]) == [None]


def test_a_larger_p_is_never_adjusted_below_a_smaller_one():
    # 3 x 0.01 = 0.03, 2 x 0.012 = 0.024 but at least 0.03, 1 x 0.02 likewise.
    assert holm([0.02, 0.01, 0.012]) == pytest.approx([0.03, 0.03, 0.03])
