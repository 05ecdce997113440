"""Numbers of any size are written in few characters."""

import pytest

from ablate.analysis.phrases import decimals, number_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.12"),
        (12.3456, "12.3"),
        (1234.56, "1235"),
        (0.00012345, "0.00012"),
        (123456789.0, "123456789"),
        (2.91e14, "2.91e+14"),
        (-2.91e300, "-2.91e+300"),
        (4.5e-300, "4.50e-300"),
        (0.0, "0.00"),
    ],
)
def test_a_number_has_as_many_decimals_as_its_size_needs_or_a_power_of_ten(value, text):
    assert number_text(value, decimals(value)) == text


def test_a_small_number_beside_tiny_ones_is_zero_in_few_digits():
    assert number_text(0.0, decimals(1e-300)) == "0.00000000"


def test_a_sign_and_separators_of_thousands_are_optional():
    assert number_text(1234.5, 1, signed=True, grouped=True) == "+1,234.5"
    assert number_text(1e15, 1, signed=True, grouped=True) == "+1.00e+15"
