"""One ConvLSTM layer over a whole sequence."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ablate.components.models.activation import ACTIVATIONS
from ablate.components.models.convolution import same_conv2d
from ablate.components.models.fast.gates import ActivationNames
from ablate.components.models.fast.scan import ScanInputs, scan
from ablate.components.models.fast.switch import scan_is_available
from ablate.components.models.initialization import fill_bias, fill_kernel, fill_state_kernel
from ablate.components.models.specs import CellSettings
from ablate.components.models.tap import CellState, Tap

Features = Float[Tensor, "time batch channel height width"]
"""Input of a layer: time comes first, so that one step is contiguous in memory."""

Hidden = Float[Tensor, "time batch filter height width"]
"""Output of a layer: its hidden state at every step."""

Gates = Float[Tensor, "batch gate height width"]
"""Gates of one step before activation: four channels per filter."""


class ConvLSTMLayer(nn.Module):
    """ConvLSTM of Shi et al. 2015 (arXiv 1506.04214, equation 3).

    The order of the gates is that of Keras: input, forget, candidate, output. A layer with `inputs` 0 is driven by its
    state alone. Peepholes are Hadamard weights per channel, as the paper's parameter counts imply. Without a first
    state, the first step has no state convolution. The bias of the forget gate starts at `forget_bias`, whatever the
    initialization of the other biases.
    """

    def __init__(
        self, inputs: int, filters: int, kernel_size: int, state_kernel_size: int, settings: CellSettings
    ) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.empty(4 * filters, inputs, kernel_size, kernel_size)) if inputs else None
        self.state_kernel = nn.Parameter(torch.empty(4 * filters, filters, state_kernel_size, state_kernel_size))
        self.bias = nn.Parameter(torch.empty(4 * filters))
        self.peepholes = nn.Parameter(torch.zeros(3, filters, 1, 1)) if settings.peepholes else None
        self.tap = Tap()
        self._names = ActivationNames(settings.activation, settings.gate_activation)
        if self.kernel is not None:
            fill_kernel(self.kernel, settings.initialization)
        fill_state_kernel(self.state_kernel, settings.initialization)
        fill_bias(self.bias, self.state_kernel if self.kernel is None else self.kernel, settings.initialization)
        with torch.no_grad():
            self.bias[filters : 2 * filters] = settings.forget_bias

    def forward(self, features: Features, state: CellState | None = None) -> tuple[Hidden, CellState]:
        """Return the hidden state at every step, and the state after the last step."""
        if self.kernel is None:
            raise ValueError("this layer takes no input; call undriven()")
        return self._run(features, len(features), state)

    def undriven(self, steps: int, state: CellState) -> tuple[Hidden, CellState]:
        """Return the same for `steps` steps without any input."""
        return self._run(None, steps, state)

    def _run(self, features: Features | None, steps: int, state: CellState | None) -> tuple[Hidden, CellState]:
        if not scan_is_available(self.tap, self.bias.device):
            return self._step_by_step(features, steps, state)
        hidden, cell = (None, None) if state is None else (state.hidden, state.cell)
        inputs = ScanInputs(self.kernel, self.bias, self.state_kernel, self.peepholes, features, hidden, cell)
        hiddens, last_hidden, last_cell = scan(self._names, steps, inputs)
        return hiddens, CellState(last_hidden, last_cell)

    def _step_by_step(self, features: Features | None, steps: int, state: CellState | None) -> tuple[Hidden, CellState]:
        """Run the plain cell: torch's own operations and gradients, with the tap between them."""
        hiddens = []
        for gates in self._gates_from_input(features, steps, state):
            state = self._step(gates, state)
            hiddens.append(state.hidden)
        assert state is not None, "a sequence has at least one step"  # noqa: S101  # for the type checker
        return torch.stack(hiddens), state

    def _gates_from_input(self, features: Features | None, steps: int, state: CellState | None) -> Sequence[Gates]:
        """Return what input and bias contribute to the gates of each step.

        The steps are separated with `unbind`: with an index per step, autograd would fill a zero tensor of the whole
        sequence for every step.
        """
        if features is None or self.kernel is None:
            assert state is not None, "a layer without input starts from a state"  # noqa: S101  # for the type checker
            return [self.bias.view(1, -1, 1, 1).expand(state.hidden.shape[0], -1, *state.hidden.shape[-2:])] * steps
        gates = same_conv2d(features.flatten(0, 1), self.kernel, self.bias)
        return gates.view(steps, -1, *gates.shape[1:]).unbind(0)

    def _step(self, gates: Gates, state: CellState | None) -> CellState:
        activation, gate = ACTIVATIONS[self._names.activation], ACTIVATIONS[self._names.gate]
        if state is not None:
            state = self.tap.before(state)
            gates = gates + same_conv2d(state.hidden, self.state_kernel)
        i, f, candidate, o = gates.chunk(4, dim=1)
        if self.peepholes is not None and state is not None:
            i, f = i + self.peepholes[0] * state.cell, f + self.peepholes[1] * state.cell
        cell = self.tap.input_gate(gate(i)) * activation(candidate)
        if state is not None:
            cell = cell + self.tap.forget_gate(gate(f)) * state.cell
        if self.peepholes is not None:
            o = o + self.peepholes[2] * cell
        return self.tap.after(CellState(gate(o) * activation(cell), cell))
