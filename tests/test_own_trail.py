import numpy as np
import pytest
from scipy import ndimage

from ablate.measurement.metrics import Ghost


def square_at(rows):
    """Return one clip of a 6 x 6 square in column 4, at the given row in each frame."""
    frames = np.zeros((1, len(rows), 48, 24))
    for time, row in enumerate(rows):
        frames[0, time, row : row + 6, 4:10] = 1
    return frames


def own_trail_of(drift, strength, halo=0):
    """Return own_trail_ratio by step, of a square that goes its own way to the right and leaves a trail.

    The trail is wider than the square by `halo` pixels on each side.
    """
    history, target = square_at([0, 4]), square_at([8, 12, 16, 20])
    own = np.stack([np.roll(target[:, step], drift * (step + 1), axis=-1) for step in range(4)], axis=1)
    trail = ndimage.maximum_filter(np.maximum.accumulate(own, axis=1), (1, 1, 2 * halo + 1, 2 * halo + 1))
    return Ghost().per_frame(np.maximum(own, strength * trail), target, history)["own_trail_ratio"][0]


@pytest.mark.parametrize("strength", [0.1, 0.3])
def test_a_trail_on_the_forecasts_own_path_is_recovered(strength):
    assert own_trail_of(3, strength)[2:] == pytest.approx(strength, rel=0.05)


def test_the_edges_of_a_wide_trail_are_no_control_for_it():
    assert own_trail_of(3, 0.3, halo=2)[2:] == pytest.approx(0.3, rel=0.05)


def test_a_digit_that_drifts_leaves_no_trail_by_itself():
    assert (own_trail_of(3, 0.0)[2:] == 0).all()


def test_on_the_true_path_there_is_no_path_of_its_own():
    assert np.isnan(own_trail_of(0, 0.3)).all()
