"""The gates of a ConvLSTM cell, forward and backward, each in one pass over memory if a compiler is available.

Everything here is (batch, channel, height, width). The gates before activation have four channels per filter: input,
forget, candidate, output, in this order. Peepholes are (3, filter, 1, 1).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ablate.components.models.activation import ACTIVATIONS


class ActivationNames(NamedTuple):
    """The activation of candidate and output, and that of the gates: keys of ACTIVATIONS."""

    activation: str
    gate: str


class StepGradients(NamedTuple):
    """The gradients of a step's results: hidden state (from the layer above and from the next step) and cell."""

    output: Tensor
    next_hidden: Tensor
    cell: Tensor


def forward_step(
    names: ActivationNames, gates: Tensor, cells: tuple[Tensor, Tensor], peepholes: Tensor | None, hidden: Tensor
) -> None:
    """Write the hidden state after a step into `hidden`, and the cell after it into the second of `cells`."""
    activation, gate = ACTIVATIONS[names.activation], ACTIVATIONS[names.gate]
    cell, _ = cells
    i, f, candidate, o = gates.chunk(4, dim=1)
    if peepholes is not None:
        i, f = i + peepholes[0] * cell, f + peepholes[1] * cell
    after = gate(f) * cell + gate(i) * activation(candidate)
    if peepholes is not None:
        o = o + peepholes[2] * after
    hidden.copy_(gate(o) * activation(after))
    cells[1].copy_(after)


def backward_step(
    names: ActivationNames,
    gates: Tensor,
    cells: tuple[Tensor, Tensor],
    peepholes: Tensor | None,
    gradients: StepGradients,
) -> Tensor:
    """Overwrite the gates of a step with their gradients, and return the gradient of the cell before the step.

    `cells` are the cell before the step and the cell after it. The gates are activated again here, which takes less
    time than storing them in the forward pass.
    """
    activation, gate = ACTIVATIONS[names.activation], ACTIVATIONS[names.gate]
    before, after = cells
    i, f, candidate, o = gates.chunk(4, dim=1)
    if peepholes is not None:
        i, f, o = i + peepholes[0] * before, f + peepholes[1] * before, o + peepholes[2] * after
    input_gate, forget_gate, proposal, output_gate = gate(i), gate(f), activation(candidate), gate(o)
    activated, grad_hidden = activation(after), gradients.output + gradients.next_hidden
    grad_o = grad_hidden * activated * gate.slope(o, output_gate)
    grad_cell = gradients.cell + grad_hidden * output_gate * activation.slope(after, activated)
    if peepholes is not None:
        grad_cell = grad_cell + grad_o * peepholes[2]
    grad_i = grad_cell * proposal * gate.slope(i, input_gate)
    grad_f = grad_cell * before * gate.slope(f, forget_gate)
    grad_candidate = grad_cell * input_gate * activation.slope(candidate, proposal)
    grad_before = grad_cell * forget_gate
    if peepholes is not None:
        grad_before = grad_before + grad_i * peepholes[0] + grad_f * peepholes[1]
    gates.copy_(torch.cat([grad_i, grad_f, grad_candidate, grad_o], dim=1))
    return grad_before
