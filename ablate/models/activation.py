"""What a cell does to its candidate and output, and to its gates."""

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor

CellActivation = Literal["tanh", "relu", "sigmoid"]
GateActivation = Literal["sigmoid", "hard_sigmoid"]


def hard_sigmoid(x: Tensor) -> Tensor:
    """Return 0.2 x + 0.5 clipped to [0, 1]: Keras 2's, where Keras 3 has relu6(x + 3) / 6."""
    return (0.2 * x + 0.5).clamp(0, 1)


ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "hard_sigmoid": hard_sigmoid,
}
