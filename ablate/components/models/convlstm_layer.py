"""One ConvLSTM layer over a whole sequence."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ablate.components.models.activation import ACTIVATIONS
from ablate.components.models.convolution import same_conv2d
from ablate.components.models.fast.fusion import is_fused
from ablate.components.models.fast.gates import Names
from ablate.components.models.fast.scan import Given, scan
from ablate.components.models.initialization import fill_bias, fill_kernel, fill_state_kernel
from ablate.components.models.specs import CellSettings
from ablate.components.models.tap import CellState, Tap

Features = Float[Tensor, "time batch channel height width"]
"""What goes into a layer, time first, so that one step lies in one piece of memory."""

Hidden = Float[Tensor, "time batch filter height width"]
"""What comes out of a layer."""


class ConvLSTMLayer(nn.Module):
    """ConvLSTM of Shi et al. 2015 (arXiv 1506.04214, equation 3).

    Gates are in Keras' order: input, forget, candidate, output.
    `inputs` 0 makes a layer that is driven by its state alone. Peepholes are Hadamard weights per channel, as
    the paper's parameter counts imply. With no state to start from, the first step has no state convolution.
    The forget gate's bias begins at `forget_bias`, however the others are drawn.
    """

    def __init__(self, inputs: int, filters: int, kernel_size: int, state_kernel_size: int, cell: CellSettings) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.empty(4 * filters, inputs, kernel_size, kernel_size)) if inputs else None
        self.state_kernel = nn.Parameter(torch.empty(4 * filters, filters, state_kernel_size, state_kernel_size))
        self.bias = nn.Parameter(torch.empty(4 * filters))
        self.peepholes = nn.Parameter(torch.zeros(3, filters, 1, 1)) if cell.peepholes else None
        self.tap = Tap()
        self._names = Names(cell.activation, cell.gate_activation)
        if self.kernel is not None:
            fill_kernel(self.kernel, cell.initialization)
        fill_state_kernel(self.state_kernel, cell.initialization)
        fill_bias(self.bias, self.state_kernel if self.kernel is None else self.kernel, cell.initialization)
        with torch.no_grad():
            self.bias[filters : 2 * filters] = cell.forget_bias

    def forward(self, features: Features, state: CellState | None = None) -> tuple[Hidden, CellState]:
        """Return the hidden state at every step, and the state after the last."""
        if self.kernel is None:
            raise ValueError("this layer takes no input; call undriven()")
        return self._run(features, len(features), state)

    def undriven(self, steps: int, state: CellState) -> tuple[Hidden, CellState]:
        """Return the same for `steps` steps without any input."""
        return self._run(None, steps, state)

    def _run(self, features: Features | None, steps: int, state: CellState | None) -> tuple[Hidden, CellState]:
        if not self._may_scan():
            return self._step_by_step(features, steps, state)
        hidden, cell = (None, None) if state is None else (state.hidden, state.cell)
        given = Given(self.kernel, self.bias, self.state_kernel, self.peepholes, features, hidden, cell)
        every, last, cell = scan(self._names, steps, given)
        return every, CellState(last, cell)

    def _may_scan(self) -> bool:
        """Tell whether nobody watches the steps, nobody lowers their precision, and a gradient is not dearer so."""
        mixed = self.bias.is_cuda and torch.is_autocast_enabled("cuda")
        return type(self.tap) is Tap and not mixed and (is_fused() or not torch.is_grad_enabled())

    def _step_by_step(self, features: Features | None, steps: int, state: CellState | None) -> tuple[Hidden, CellState]:
        """Run with torch's own operations and gradients, between which a tap may reach in."""
        hidden = []
        for gates in self._driven(features, steps, state):
            state = self._step(gates, state)
            hidden.append(state.hidden)
        assert state is not None, "a sequence has at least one step"  # noqa: S101  # for the type checker
        return torch.stack(hidden), state

    def _driven(self, features: Features | None, steps: int, state: CellState | None) -> Sequence[Tensor]:
        """Return each step's gates as the input alone drives them.

        The steps are taken apart with `unbind`: indexing them one by one would make autograd fill a zero tensor of
        the whole sequence for every step.
        """
        if features is None or self.kernel is None:
            assert state is not None, "a layer without input starts from a state"  # noqa: S101  # for the type checker
            return [self.bias.view(1, -1, 1, 1).expand(len(state.hidden), -1, *state.hidden.shape[-2:])] * steps
        gates = same_conv2d(features.flatten(0, 1), self.kernel, self.bias)
        return gates.view(steps, -1, *gates.shape[1:]).unbind(0)

    def _step(self, gates: Tensor, state: CellState | None) -> CellState:
        activation, gate = ACTIVATIONS[self._names.activation], ACTIVATIONS[self._names.gate]
        if state is not None:
            state = self.tap.before(state)
            gates = gates + same_conv2d(state.hidden, self.state_kernel)
        i, f, candidate, o = gates.chunk(4, dim=1)
        if self.peepholes is not None and state is not None:
            i, f = i + self.peepholes[0] * state.cell, f + self.peepholes[1] * state.cell
        cell = self.tap.entering(gate(i)) * activation(candidate)
        if state is not None:
            cell = cell + self.tap.keeping(gate(f)) * state.cell
        if self.peepholes is not None:
            o = o + self.peepholes[2] * cell
        return self.tap.after(CellState(gate(o) * activation(cell), cell))
