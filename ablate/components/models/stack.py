"""What every network of stacked ConvLSTM layers can choose."""

from abc import ABC
from typing import Annotated

from pydantic import Field

from ablate.components.models.activation import CellActivation, GateActivation
from ablate.components.models.convlstm_layer import Cell
from ablate.components.models.initialization import Initialization
from ablate.core.sizes import MOST_WEIGHTS, FilterCount, KernelSize, LayerCount
from ablate.core.spec_base import Spec

Filters = FilterCount | Annotated[tuple[FilterCount, ...], Field(strict=False, min_length=1)]
Kernels = KernelSize | Annotated[tuple[KernelSize, ...], Field(strict=False, min_length=1)]
"""One value for all layers, or one for each."""

Shape = tuple[int, int, int]
"""Filters, input kernel and state kernel of one layer."""


class ConvLSTMStack(Spec, ABC):
    """Fields shared by the networks made of ConvLSTM layers; Keras' defaults but for the width."""

    layers: LayerCount = 4
    filters: Filters = 64
    kernel_size: Kernels = 3
    """Input-to-state kernel."""
    state_kernel_size: Kernels | None = None
    """State-to-state kernel; none takes kernel_size. 1 moves nothing sideways."""
    activation: CellActivation = "tanh"
    """Of candidate and output. With relu the cell state can only grow."""
    gate_activation: GateActivation = "sigmoid"
    forget_bias: float = 1.0
    initialization: Initialization = "keras"
    peepholes: bool = False

    def shapes(self) -> list[Shape]:
        """Return the shape of each layer. Raises ValueError where a list does not have one value a layer."""
        state_kernels = self.kernel_size if self.state_kernel_size is None else self.state_kernel_size
        columns = (
            self._for_each("filters", self.filters),
            self._for_each("kernel_size", self.kernel_size),
            self._for_each("state_kernel_size", state_kernels),
        )
        return list(zip(*columns, strict=True))

    def cell(self) -> Cell:
        """Return how the gates of every layer work."""
        return Cell(self.activation, self.gate_activation, self.forget_bias, self.initialization, self.peepholes)

    def refuse_giants(self, channels: int) -> None:
        """Raise ValueError where the layers' convolutions, over frames of so many channels, have too many weights."""
        weights = 0
        for filters, kernel, state_kernel in self.shapes():
            weights += 4 * filters * (channels * kernel**2 + filters * state_kernel**2)
            channels = filters
        if weights > MOST_WEIGHTS:
            raise ValueError(f"found layers of {weights:,} weights together; at most {MOST_WEIGHTS:,}")

    def _for_each(self, name: str, value: int | tuple[int, ...]) -> tuple[int, ...]:
        values = (value,) * self.layers if isinstance(value, int) else value
        if len(values) != self.layers:
            raise ValueError(f"{name}: {len(values)} values for {self.layers} layers")
        return values
