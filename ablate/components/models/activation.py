"""Activations of a cell: of its candidate and output, and of its gates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

POLYNOMIAL_BELOW = 0.25
"""Below it the polynomial of tanh is exact to rounding; above it the sigmoid's cancellation costs at most two bits."""


@dataclass(frozen=True)
class Activation:
    """A function of one number, and its slope as a function of the number x and the value y there."""

    value: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor, Tensor], Tensor]

    def __call__(self, x: Tensor) -> Tensor:
        """Return the value."""
        return self.value(x)


def tanh(x: Tensor) -> Tensor:
    """Return tanh with a relative error below 6e-7.

    Its time dominates a compiled pass. There, a Taylor polynomial near 0 and a sigmoid elsewhere take half as long.
    """
    if not torch.compiler.is_compiling():
        return torch.tanh(x)
    square = x * x
    polynomial = x * (1 + square * (-1 / 3 + square * (2 / 15 + square * (-17 / 315 + square * (62 / 2835)))))
    return torch.where(x.abs() < POLYNOMIAL_BELOW, polynomial, 2 * torch.sigmoid(2 * x) - 1)


def hard_sigmoid(x: Tensor) -> Tensor:
    """Return 0.2 x + 0.5, clipped to [0, 1]: the definition of Keras 2; that of Keras 3 is relu6(x + 3) / 6."""
    return (0.2 * x + 0.5).clamp(0, 1)


def hard_sigmoid_slope(x: Tensor, _: Tensor) -> Tensor:
    """Return 0.2 where the function is not clipped, else 0."""
    line = 0.2 * x + 0.5
    return 0.2 * ((line >= 0) & (line <= 1)).to(x.dtype)


ACTIVATIONS: Mapping[str, Activation] = {
    "tanh": Activation(tanh, lambda _, y: 1 - y * y),
    "relu": Activation(torch.relu, lambda x, _: (x > 0).to(x.dtype)),
    "sigmoid": Activation(torch.sigmoid, lambda _, y: y * (1 - y)),
    "hard_sigmoid": Activation(hard_sigmoid, hard_sigmoid_slope),
}
