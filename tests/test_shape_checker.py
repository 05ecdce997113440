import pytest
import torch
from jaxtyping import Float, TypeCheckError, jaxtyped
from torch import Tensor

from ablate.components.losses.loss import mse
from tests.shape_checker import checked


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
