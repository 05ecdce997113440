import numpy as np
import pytest
from skimage.transform import downscale_local_mean

from ablate.components.data.digits import digits


@pytest.mark.parametrize(("split", "count"), [("train", 10_000), ("test", 2_000)])
def test_every_digit_of_the_split_is_there(split, count):
    assert digits(split, 28).shape == (count, 28, 28)
    assert digits(split, 28).dtype == np.uint8


def test_no_training_digit_is_a_test_digit():
    train, test = ({image.tobytes() for image in digits(split, 28)} for split in ("train", "test"))
    assert not train & test


def test_digits_are_white_on_black():
    images = digits("train", 28)
    assert images.max() == 255
    assert (images[:, 0] == 0).mean() > 0.99
    # The whole of MNIST has a mean of 0.1307.
    assert images.mean() / 255 == pytest.approx(0.1307, abs=0.002)


@pytest.mark.parametrize("factor", [2, 4])
def test_shrinking_by_a_whole_factor_is_the_mean_over_blocks(factor):
    blocks = downscale_local_mean(digits("test", 28)[:50].astype(float), (1, factor, factor))
    np.testing.assert_array_equal(digits("test", 28 // factor)[:50], np.rint(blocks))


@pytest.mark.parametrize("side", [7, 10, 11, 21])
def test_shrinking_shares_a_pixel_out_by_area(side):
    original, shrunk = digits("test", 28)[3], digits("test", side)[3]
    width = 28 / side
    expected = np.zeros((side, side))
    for row, column in np.ndindex(side, side):
        top, left = row * width, column * width
        for y, x in np.ndindex(28, 28):
            high = max(0.0, min(y + 1, top + width) - max(y, top))
            wide = max(0.0, min(x + 1, left + width) - max(x, left))
            expected[row, column] += high * wide / width**2 * original[y, x]
    np.testing.assert_allclose(shrunk, expected, atol=0.5 + 1e-9)


def test_shared_digits_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        digits("train", 14)[0] = 0
