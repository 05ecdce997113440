"""The shapes of arrays are checked while the tests run, in every module."""

import numpy as np
import pytest
import torch
from jaxtyping import Float, TypeCheckError, jaxtyped
from torch import Tensor

from ablate.components.losses.loss import mse
from tests.shape_checker import UNCHECKED, checked, checked_modules, mentions_array


def total(first: Float[Tensor, "a b"], second: Float[Tensor, "b a"]) -> Float[Tensor, ""]:
    return (first @ second).sum()


def test_a_wrong_shape_is_found():
    checker = jaxtyped(total, typechecker=checked)
    assert checker(torch.ones(2, 3), torch.ones(3, 2)) == 12
    with pytest.raises(TypeCheckError, match="second"):
        checker(torch.ones(2, 3), torch.ones(3, 3))


def test_a_quoted_type_is_not_looked_up():
    def name_of(part: "ImportedForMypy") -> str:  # type: ignore[name-defined]  # noqa: F821
        return str(part)

    assert checked(name_of)(1) == "1"


def test_the_package_is_checked_while_the_tests_run():
    with pytest.raises(TypeCheckError, match="target"):
        mse(torch.zeros(1, 2, 1, 4, 4), torch.zeros(1, 3, 1, 4, 4))


def test_arguments_without_arrays_are_left_to_the_type_checker():
    @jaxtyped(typechecker=checked)
    def scaled(values: Float[np.ndarray, " value"], factor: int) -> Float[np.ndarray, " value"]:
        return values * factor

    np.testing.assert_array_equal(scaled(np.ones(2), np.int64(2)), [2, 2])  # type: ignore[arg-type]  # an int for Python
    with pytest.raises(TypeCheckError):
        scaled(np.ones((2, 2)), 2)


@pytest.mark.parametrize(
    ("hint", "mentions"),
    [
        (int, False),
        (list[str], False),
        (Float[np.ndarray, "a b"], True),
        (dict[str, Float[np.ndarray, " a"] | None], True),
    ],
)
def test_an_array_is_found_anywhere_in_an_annotation(hint, mentions):
    assert mentions_array(hint) is mentions


def test_every_module_is_checked_except_those_that_are_named():
    names = checked_modules()
    assert {"ablate.inference.run_table", "ablate.report.page", "ablate.components.data"} <= set(names)
    assert not set(names) & set(UNCHECKED)
