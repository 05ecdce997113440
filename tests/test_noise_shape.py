"""The shape of the noise: where a quiet baseline meets noisy, one-sided levels, intervals mislead, and only there."""

import numpy as np
import pytest

from ablate.inference.noise_shape import noise_shape
from tests.drawn_tables import one_at_a_time, table

SEEDS = 40
ROWS = one_at_a_time((2, 2, 2), SEEDS)


def shape_of(spread, *, one_sided=True, seed=0):
    """Return the noise shape; `spread` has the standard deviations of the base cell and of the cells of A, B, C."""
    generator = np.random.default_rng(seed)
    cell = np.where(ROWS[:, :-1].any(axis=1), 1 + ROWS[:, :-1].argmax(axis=1), 0)
    drawn = generator.lognormal(0, 1, len(ROWS)) if one_sided else generator.standard_normal(len(ROWS))
    seeds = generator.standard_normal(SEEDS)[ROWS[:, -1]]
    return noise_shape(table(ROWS, seeds + np.array(spread)[cell] * drawn))


def test_a_quiet_baseline_beside_one_sided_noise_misleads():
    shape = shape_of((0.05, 1, 1, 1))
    assert [shape.misleads(factor) for factor in "abc"] == [True, True, True]


def test_a_baseline_as_noisy_as_its_level_does_not_mislead():
    shape = shape_of((1, 1, 1, 0.05))
    assert [shape.misleads(factor) for factor in "abc"] == [False, False, False]


@pytest.mark.parametrize("seed", range(3))
def test_normal_noise_does_not_mislead_where_the_baseline_is_as_noisy(seed):
    shape = shape_of((1, 1, 1, 1), one_sided=False, seed=seed)
    assert not any(shape.misleads(factor) for factor in "abc")
